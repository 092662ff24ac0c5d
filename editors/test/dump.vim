" Writes the syntax group of every character of the files in $NN_FILES (one a line) to $NN_DUMP: a JSON list of lines for each.

set nocompatible encoding=utf-8 nomore
let &runtimepath = $NN_VIM . ',' . &runtimepath
filetype plugin indent on
syntax on

let s:dumps = {}
for s:file in readfile($NN_FILES)
  execute 'edit ' . fnameescape(s:file)
  setlocal synmaxcol=0
  if &filetype !=# 'nn' || get(b:, 'current_syntax', '') !=# 'nn'
    call writefile(['`' . s:file . '` did not get the syntax'], $NN_DUMP)
    cquit
  endif
  let s:lines = []
  for s:number in range(1, line('$'))
    let s:groups = []
    let s:column = 1
    for s:char in split(getline(s:number), '\zs')
      call add(s:groups, synIDattr(synID(s:number, s:column, 1), 'name'))
      let s:column += len(s:char)
    endfor
    call add(s:lines, s:groups)
  endfor
  let s:before = getline(1, '$')
  silent normal! gg=G
  let s:dumps[s:file] = {'lines': s:lines, 'indent': s:before ==# getline(1, '$')}
  edit!
endfor
call writefile([json_encode(s:dumps)], $NN_DUMP)
quitall!
