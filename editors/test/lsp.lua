-- Tries the language server in Neovim: what a person does with it in one file, from a mistake to a name that is changed. Needs `nnlc` on the
-- `PATH` and the folder `editors/vim` in $NN_VIM.

vim.opt.runtimepath:prepend(vim.env.NN_VIM)
vim.cmd('filetype plugin indent on')
vim.lsp.enable('nnlc')

local function fail(message)
  io.stderr:write('lsp.lua: ' .. message .. '\n')
  vim.cmd('cquit')
end

local function expect(what, found, want)
  if not vim.deep_equal(found, want) then
    fail(('%s is %s, not %s'):format(what, vim.inspect(found), vim.inspect(want)))
  end
end

local function wait(what, holds)
  if not vim.wait(20000, holds, 20) then
    fail(what .. ' does not come')
  end
end

local file = vim.fn.tempname() .. '.nn'
vim.fn.writefile({ 'input x: [4]', 'h = x |> Afine(8)|>relu', 'output p = h' }, file)
vim.cmd.edit(file)
expect('the filetype', vim.bo.filetype, 'nn')
wait('the server', function() return #vim.lsp.get_clients({ bufnr = 0, name = 'nnlc' }) == 1 end)
local client = vim.lsp.get_clients({ bufnr = 0 })[1]

local function lines() return vim.api.nvim_buf_get_lines(0, 0, -1, false) end

-- Asks about a place; lines count from 0.
local function ask(method, line, character, more)
  local params = vim.tbl_extend('force', {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = line, character = character },
  }, more or {})
  local answer = client:request_sync(method, params, 10000)
  if not answer or answer.err or not answer.result then fail(method .. ': ' .. vim.inspect(answer)) end
  return answer.result
end

wait('the mistake', function() return #vim.diagnostic.get(0) > 0 end)
local told = vim.diagnostic.get(0)[1]
expect('the code', told.code, 'E0102')
expect('its place', { told.lnum, told.col, told.end_col }, { 1, 9, 14 })

vim.api.nvim_win_set_cursor(0, { 2, 10 })
vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.isPreferred end })
wait('the fix', function() return lines()[2] == 'h = x |> Affine(8)|>relu' end)
wait('a program without mistakes', function() return #vim.diagnostic.get(0) == 0 end)

vim.lsp.buf.format({ timeout_ms = 10000 })
expect('the formatted line', lines()[2], 'h = x |> Affine(8) |> relu')

wait('the type', function()
  local hover = ask('textDocument/hover', 1, 0)
  return hover.contents.value:find('h: [8]', 1, true) ~= nil
end)
vim.lsp.inlay_hint.enable(true)
wait('the hint', function()
  local hints = vim.lsp.inlay_hint.get({ bufnr = 0 })
  return #hints > 0 and hints[1].inlay_hint.label == ': [8]'
end)

local offered = ask('textDocument/completion', 1, 25)
local relu = vim.tbl_filter(function(item) return item.label == 'relu' end, offered)
expect('how often `relu` is offered', #relu, 1)

vim.api.nvim_win_set_cursor(0, { 2, 0 })
vim.lsp.buf.rename('code')
wait('the new name', function() return lines()[3] == 'output p = code' end)
expect('the binding', lines()[2], 'code = x |> Affine(8) |> relu')

local library = ask('textDocument/definition', 1, 13)
expect('the library\'s file', vim.fs.basename(vim.uri_to_fname(library.uri)), 'layers.nn')

client:stop()
wait('the end', function() return client:is_stopped() end)
vim.fn.delete(file)
print('diagnostics, fixes, formatting, types, hints, completion, names, definitions\n')
vim.cmd('quitall!')
