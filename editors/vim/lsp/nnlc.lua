-- The language server of `.nn` for Neovim 0.11 and later: `vim.lsp.enable('nnlc')`.

---@type vim.lsp.Config
return {
  cmd = { 'nnlc', 'lsp' },
  filetypes = { 'nn' },
  root_markers = { '.git' },
}
