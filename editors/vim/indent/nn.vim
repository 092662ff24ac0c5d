" Vim indent file for `.nn`, as `nnlc fmt` indents: one step inside a bracket that stays open, back at the line that closes it; one step
" where an operator or a bar begins a line, and below a `=` that ends one; a `where` one step inside its head, its message two.

if exists("b:did_indent")
  finish
endif
let b:did_indent = 1

setlocal indentexpr=NnIndent(v:lnum)
setlocal indentkeys=0),0],0},0{,0=where,0=\|>,!^F,o,O
let b:undo_indent = "setlocal indentexpr< indentkeys<"

if exists("*NnIndent")
  finish
endif

" The line without its strings and comments, whose brackets mean nothing.
function s:Code(number) abort
  return substitute(substitute(getline(a:number), '"\%(\\.\|[^"\\]\)*"', '""', 'g'), '#.*', '', '')
endfunction

" How many brackets a text leaves open; negative where it closes more.
function s:Opened(code) abort
  return len(substitute(a:code, '[^[({]', '', 'g')) - len(substitute(a:code, '[^])}]', '', 'g'))
endfunction

" The line of code above, 0 at the top.
function s:Above(number) abort
  let l:above = prevnonblank(a:number - 1)
  while l:above > 0 && s:Code(l:above) =~# '^\s*$'
    let l:above = prevnonblank(l:above - 1)
  endwhile
  return l:above
endfunction

" The line from which on, up to line a:number, as many brackets are opened as closed and a:more.
function s:Head(number, more) abort
  let l:number = a:number
  let l:open = -a:more + s:Opened(s:Code(l:number))
  while l:open < 0 && l:number > 1
    let l:number = s:Above(l:number)
    let l:open += s:Opened(s:Code(l:number))
  endwhile
  return l:number
endfunction

" Whether an operator or a bar begins the line. A minus without a blank behind it is a sign.
function s:Continues(number) abort
  return s:Code(a:number) =~# '^\s*\%(|>\|[-+*/%@<>]\s\|[=!<>]=\|\%(and\|or\)\>\)'
endfunction

" The line that the statement, or the item of a list, begins with that ends in line a:number.
function s:Start(number) abort
  let l:number = s:Head(a:number, 0)
  let l:above = s:Above(l:number)
  while l:above > 0 && (s:Continues(l:number) || s:Code(l:above) =~# '=\s*$')
    let l:number = s:Head(l:above, 0)
    let l:above = s:Above(l:number)
  endwhile
  return l:number
endfunction

" The indentation of line a:number.
function NnIndent(number) abort
  let l:above = s:Above(a:number)
  if l:above == 0
    return 0
  endif
  let l:line = s:Code(a:number)
  let l:continues = s:Continues(a:number)
  if !l:continues && l:line =~# '^\s*\%(where\>\|{\|=\)'
    let l:head = search('^\s*\%(fn\|layer\)\>', 'bnW')
    if l:head > 0
      return indent(l:head) + (l:line =~# '^\s*where' ? shiftwidth() : 0)
    endif
  endif
  if l:line =~# '^\s*[])}]'
    return indent(s:Head(l:above, 1))
  endif
  let l:code = s:Code(l:above)
  if s:Opened(substitute(l:code, '^\s*[])}]\+', '', '')) > 0 || l:code =~# '=\s*$\|^\s*where\>.*,\s*$'
    return indent(l:above) + shiftwidth()
  endif
  if l:continues
    let l:head = s:Head(l:above, 0)
    return indent(l:head) + (s:Continues(l:head) ? 0 : shiftwidth())
  endif
  return indent(s:Start(l:above))
endfunction
