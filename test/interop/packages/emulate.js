import { request as forward } from 'node:http'
import { createEmulator } from 'emulate'
import { listener, serve } from './serve.js'

/** It forgets everything when it is stopped, so what is stopped is a proxy in front of it. */
serve(async ({ service, origin, port, seed }) => {
  await createEmulator({
    service,
    port,
    baseUrl: origin,
    seed: { tokens: { admin: { login: 'admin' } }, [service]: seed },
  })
  return listener(origin, (request, response) => {
    const { method, url: path, headers } = request
    const asked = forward({ host: '127.0.0.1', port, method, path, headers }, answer => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    })
    asked.on('error', () => response.destroy())
    request.pipe(asked)
  })
})
