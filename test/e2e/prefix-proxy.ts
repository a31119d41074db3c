import { request as httpRequest } from 'node:http'
import { onTestFinished } from 'vitest'
import { listen } from '../support/http.ts'

/**
 * A proxy that serves what stands at a port below a prefix, and takes the prefix off. The documents at the root of the host go there as they
 * are asked for. Stopped when the test ends.
 *
 * @returns Its port.
 */
export async function takePrefixOff(prefix: string, port: number): Promise<number> {
  const proxy = await listen((req, res) => {
    const { url = '', method, headers } = req
    const path = url.startsWith(`${prefix}/`)
      ? url.slice(prefix.length)
      : url.startsWith('/.well-known/')
        ? url
        : undefined
    if (path === undefined) return void res.writeHead(404).end()
    const onward = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
  onTestFinished(proxy.close)
  return proxy.port
}
