import { createInterface } from 'node:readline'

// An MCP server on standard input and output that does nothing but answer: what is measured is who passes the messages on. `--stubborn`
// ends neither with its standard input nor by SIGTERM.

if (process.argv.includes('--stubborn')) {
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1000)
}

const result = { content: [{ type: 'text', text: 'Echo: hello' }] }

createInterface({ input: process.stdin }).on('line', line => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const { protocolVersion } = params ?? {}
  const answer =
    method === 'initialize'
      ? { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1' } }
      : result
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: answer })}\n`)
})
