" Vim filetype plugin for `.nn`: comments, indentation, and `nnlc check` behind `:make`.

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
  let b:undo_ftplugin .= " makeprg< errorformat<"
endif

let &cpo = s:cpo
unlet s:cpo
