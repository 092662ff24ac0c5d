" Vim indent file for `.nn`: one step inside a bracket that stays open, back at the line that closes it; a `where` one step inside
" its head.

if exists("b:did_indent")
  finish
endif
let b:did_indent = 1

setlocal indentexpr=NnIndent(v:lnum)
setlocal indentkeys=0),0],0},0{,0=where,!^F,o,O
let b:undo_indent = "setlocal indentexpr< indentkeys<"

if exists("*NnIndent")
  finish
endif

" The line without its strings and comments, whose brackets mean nothing.
function s:Code(line) abort
  return substitute(substitute(a:line, '"\%(\\.\|[^"\\]\)*"', '', 'g'), '#.*', '', '')
endfunction

" How many brackets the line leaves open; those closed at its very start count for the line itself.
function s:Opened(line) abort
  let l:code = substitute(s:Code(a:line), '^\s*[])}]\+', '', '')
  return len(substitute(l:code, '[^[({]', '', 'g')) - len(substitute(l:code, '[^])}]', '', 'g'))
endfunction

" The indentation of line a:number.
function NnIndent(number) abort
  let l:above = prevnonblank(a:number - 1)
  if l:above == 0
    return 0
  endif
  let l:line = getline(a:number)
  if l:line =~# '^\s*where\>' || l:line =~# '^\s*\%({\|=\)'
    let l:head = search('^\s*\%(fn\|layer\)\>', 'bnW')
    if l:head > 0
      return indent(l:head) + (l:line =~# '^\s*where' ? shiftwidth() : 0)
    endif
  endif
  let l:opened = s:Opened(getline(l:above))
  let l:closes = l:line =~# '^\s*[])}]'
  let l:steps = (l:opened > 0) - (l:opened < 0) - l:closes
  return max([0, indent(l:above) + l:steps * shiftwidth()])
endfunction
