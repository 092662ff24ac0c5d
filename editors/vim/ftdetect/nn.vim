" `.nn` files are models for nnlc.
autocmd BufRead,BufNewFile *.nn setfiletype nn
