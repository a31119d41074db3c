import { json, withHeader, withoutHeader } from '../server/message.ts'
import type { Plant } from '../server/server.ts'
import { challenging, type Defect, finishing, refusing } from './defect.ts'

const STACK = 'TypeError: no token\n    at check (/srv/app/auth.js:12:5)'

const open =
  (isOpen: (method: string, body: string) => boolean): Plant =>
  parts => ({ ...parts, isOpen: async request => isOpen(request.method, await request.body()) })

/** Mistakes in what is answered without a token. */
export const challengeDefects: readonly Defect[] = [
  { id: 'C01', way: '403', plant: refusing(401, answer => ({ ...answer, status: 403 })) },
  { id: 'C01', way: '200 with an error in JSON-RPC', plant: refusing(401, answer => ({ ...answer, status: 200 })) },
  { id: 'C01', way: 'a login page', plant: refusing(401, answer => ({ ...answer, status: 302 })) },
  { id: 'C02', way: 'no header', plant: refusing(401, answer => withoutHeader(answer, 'www-authenticate')) },
  { id: 'C02', way: 'another scheme', plant: challenging(() => 'Basic realm="files"') },
  { id: 'C03', plant: challenging(field => (field.includes('error=') ? field : `${field}, error="invalid_token"`)) },
  {
    id: 'C04',
    way: 'nowhere',
    plant: parts => ({ ...challenging(() => 'Bearer realm="files"')(parts), metadataAnswer: () => undefined }),
  },
  { id: 'C04', way: 'a relative URL', plant: challenging(field => field.replace(/http:\/\/[^/]+/, '')), mild: true },
  {
    id: 'C04',
    way: 'a URL without metadata, which is elsewhere',
    plant: challenging(field => field.replace('oauth-protected', 'missing')),
    mild: true,
  },
  {
    id: 'C04',
    way: 'a URL without metadata, which is nowhere',
    plant: parts => ({
      ...challenging(field => field.replace('oauth-protected', 'missing'))(parts),
      metadataAnswer: () => undefined,
    }),
  },
  { id: 'C05', plant: challenging(field => field.replace(', scope="files:read"', '')) },
  { id: 'C06', plant: challenging(field => field.replace('scope="', 'scope="offline_access ')) },
  { id: 'C07', way: 'scope twice', plant: challenging(field => `${field}, scope="files:write"`) },
  {
    id: 'C07',
    way: 'a URL without quotation marks',
    plant: challenging(field => field.replace(/="(http[^"]+)"/, '=$1')),
  },
  { id: 'C07', way: 'Bearer without anything', plant: challenging(() => 'Bearer') },
  { id: 'C07', way: 'an open quotation mark', plant: challenging(field => field.replace(/"$/, '')) },
  {
    id: 'C07',
    way: 'commas between scopes',
    plant: challenging(field => field.replace(/scope="[^"]+"/, 'scope="a  b"')),
  },
  {
    id: 'C08',
    way: 'a stack trace',
    plant: refusing(401, answer => ({ ...answer, body: JSON.stringify({ error: STACK }) })),
  },
  {
    id: 'C08',
    way: 'a page of Express',
    plant: finishing((answer, { method }) =>
      method === 'POST' && answer.status === 401
        ? {
            ...answer,
            body: 'SyntaxError: x<br> &nbsp; &nbsp;at parse (/srv/node_modules/body-parser/json.js:93:21)<br>',
          }
        : answer,
    ),
  },
  {
    id: 'C08',
    way: 'a path',
    plant: refusing(401, answer => ({ ...answer, body: 'cannot read /home/files/key.pem' })),
  },
  { id: 'C09', plant: open(method => method === 'GET') },
  { id: 'C10', plant: open(method => method === 'DELETE') },
  { id: 'C11', way: 'asks for a token', plant: parts => ({ ...parts, preflight: () => json(401, {}) }) },
  {
    id: 'C11',
    way: 'a star for Authorization',
    plant: finishing((answer, { method }) =>
      method === 'OPTIONS' ? withHeader(answer, 'access-control-allow-headers', '*') : answer,
    ),
  },
  {
    id: 'C12',
    way: 'hidden challenge',
    plant: finishing(answer => withoutHeader(answer, 'access-control-expose-headers')),
  },
  { id: 'C12', way: 'no CORS', plant: refusing(401, answer => withoutHeader(answer, 'access-control-allow-origin')) },
  { id: 'C13', way: 'tools/list', plant: open((_, body) => body.includes('tools/list')) },
  { id: 'C13', way: 'server/discover', plant: open((_, body) => body.includes('server/discover')) },
  {
    id: 'C13',
    way: 'the event stream',
    plant: finishing((answer, { method }) =>
      method === 'GET' && answer.status === 401
        ? { status: 200, headers: { 'content-type': 'text/event-stream' }, body: ': open\n\n' }
        : answer,
    ),
  },
  {
    id: 'C14',
    plant: parts => ({
      ...parts,
      async isOpen(request) {
        if ((await request.body()).length > 500_000) throw new Error('too much')
        return false
      },
    }),
  },
  {
    id: 'C15',
    plant: open((method, body) => {
      try {
        return method === 'POST' && !JSON.parse(body)
      } catch {
        return true
      }
    }),
  },
  { id: 'C16', plant: parts => ({ ...parts, originIsGood: () => true, finish: answer => answer }), token: true },
  {
    id: 'C16',
    way: 'refused with another status',
    plant: refusing(403, answer => ({ ...answer, status: 400 })),
    token: true,
    mild: true,
  },
  { id: 'C16', way: 'every origin may call', plant: parts => ({ ...parts, originIsGood: () => true }), mild: true },
  { id: 'C17', plant: parts => ({ ...parts, hostIsGood: () => true }), token: true },
  { id: 'C18', plant: refusing(401, answer => withHeader(answer, 'cache-control', 'public, max-age=60')) },
]
