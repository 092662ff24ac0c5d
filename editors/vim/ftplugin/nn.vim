" Vim filetype plugin for `.nn`: comments, indentation, `nnlc check` behind `:make`, and `nnlc fmt` behind `gq`.

if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1
let s:cpo = &cpo
set cpo&vim

setlocal comments=:##,:# commentstring=#\ %s
setlocal formatoptions-=t formatoptions+=croql
setlocal expandtab shiftwidth=4 softtabstop=4
setlocal suffixesadd=.nn
let b:undo_ftplugin = "setlocal comments< commentstring< formatoptions< expandtab< shiftwidth< softtabstop< suffixesadd<"

if executable("nnlc")
  compiler nnlc
  setlocal formatprg=nnlc\ fmt\ -
  if has("unix")
    " Text with faults goes through as it is; the messages would be inserted with it. `:make` shows them.
    setlocal formatprg+=\ 2>/dev/null
  endif
  let b:undo_ftplugin .= " makeprg< errorformat< formatprg<"
endif

let &cpo = s:cpo
unlet s:cpo
