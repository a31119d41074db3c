import type { RequestListener } from 'node:http'
import type { Answer, RequestHead } from '../src/auth.ts'
import { authOf } from './edge-compositions.ts'
import type { Composition, CompositionSettings } from './http-compositions.ts'

// The least that a refusal can cost: `node:http` with nothing behind it, for the same status, headers and body.

async function constantly(settings: CompositionSettings, authorization?: string): Promise<RequestListener> {
  const head: RequestHead = {
    method: 'POST',
    url: '/mcp',
    header: name =>
      name === 'host' ? ['127.0.0.1'] : name === 'authorization' && authorization ? [authorization] : [],
  }
  const { status, headers, body } = (await authOf(settings).authenticate(head)) as Answer
  const text = JSON.stringify(body)
  const all = { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }
  return (_request, response) => void response.writeHead(status, all).end(text)
}

export const refusals: Record<string, Composition> = {
  'constant-no-token': settings => constantly(settings),
  'constant-expired-token': settings => constantly(settings, `Bearer ${settings.expiredToken}`),
}
