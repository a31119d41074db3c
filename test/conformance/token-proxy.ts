import { request as forward } from 'node:http'
import { type Listening, listen } from '../support/http.ts'

/**
 * Adds an access token to every request, because the suite cannot send one. All else passes as it is in both directions,
 * streams and hang-ups included; `Host` too, which the suite forges to see whether the server looks at it.
 */
export function startTokenProxy(target: string, token: string): Promise<Listening> {
  const { hostname, port } = new URL(target)
  return listen((req, res) => {
    const { method, url: path, rawHeaders } = req
    const headers = [...rawHeaders, 'Authorization', `Bearer ${token}`]
    const onward = forward({ hostname, port, method, path, headers }, answer => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      res.flushHeaders()
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
}
