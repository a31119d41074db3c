import { expect, it } from 'vitest'
import { fetchInProcess } from '../../demo-as/in-process.ts'

it('leaves out headers that speak of the connection, of which the answer has none', async () => {
  const fetch = fetchInProcess((_request, response) => {
    // Without a length Node sends it in chunks.
    response.writeHead(200, { 'content-type': 'text/plain', connection: 'close', 'keep-alive': 'timeout=5' })
    response.write('one ')
    response.end('two')
  })
  const answer = await fetch('http://localhost/')
  expect(await answer.text()).toBe('one two')
  expect([...answer.headers.keys()].filter(name => name !== 'date')).toEqual(['content-type'])
})
