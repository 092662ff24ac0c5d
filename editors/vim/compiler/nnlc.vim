" Vim compiler file: `:make` checks the file, and the quickfix list holds what nnlc answered.

if exists("current_compiler")
  finish
endif
let current_compiler = "nnlc"

CompilerSet makeprg=nnlc\ check\ --message-format\ short\ %:S
CompilerSet errorformat=%f:%l:%c:\ %trror[%*[^]]]:\ %m,%f:%l:%c:\ %tarning[%*[^]]]:\ %m,%-G%.%#
