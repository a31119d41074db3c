import { json } from '../server/message.ts'
import type { Parts } from '../server/parts.ts'
import { finishing, refusing } from './defect.ts'
import { changing, serving, type TokenDefect } from './token-defect.ts'

const TOOL = 'tools/call'
const in403 = (change: (field: string) => string) =>
  refusing(403, answer => ({
    ...answer,
    headers: { ...answer.headers, 'www-authenticate': change(String(answer.headers['www-authenticate'] ?? '')) },
  }))
let turns = 0

const BROAD = 'files:all'

/** A server with a scope that implies the others, where it is said to. */
export const withBroadScope = (
  isEnough: (needed: readonly string[], scopes: readonly string[]) => boolean,
): TokenDefect['plant'] =>
  changing(parts => ({
    metadata: () => ({ ...parts.metadata(), scopes_supported: [...parts.allScopes, BROAD] }),
    mayCall: (needed, caller) => isEnough(needed, caller.scopes) || parts.mayCall(needed, caller),
  }))

/** Mistakes with scopes. */
export const scopeDefects: readonly TokenDefect[] = [
  {
    id: 'S01',
    way: 'scopes are not looked at',
    plant: changing({ mayCall: () => true }),
    also: ['S11'],
  },
  {
    id: 'S01',
    way: 'the refusal is the result of the tool',
    plant: refusing(403, () => ({
      ...json(200, { jsonrpc: '2.0', id: 'call-beyond-scope', result: { isError: true, content: [] } }),
    })),
    also: ['S11'],
  },
  {
    id: 'S01',
    way: '401 for a token that is good',
    plant: refusing(403, answer => ({ ...answer, status: 401 })),
    also: ['S11'],
  },
  { id: 'S02', way: 'another error', plant: in403(field => field.replace('insufficient_scope', 'invalid_token')) },
  { id: 'S03', way: 'no scope', plant: in403(field => field.replace(/, scope="[^"]+"/, '')) },
  {
    id: 'S03',
    way: 'one scope at a time',
    plant: in403(field => field.replace('scope="files:read files:write"', 'scope="files:write"')),
  },
  { id: 'S04', way: 'no resource_metadata', plant: in403(field => field.replace(/resource_metadata="[^"]+", /, '')) },
  {
    id: 'S05',
    way: 'the refusal stands in an event stream',
    plant: refusing(403, answer => ({
      ...answer,
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: `data: ${answer.body}\n\n`,
    })),
    also: ['S01', 'S11'],
  },
  {
    id: 'S06',
    way: 'a tool that nobody may call',
    plant: changing(parts => ({
      mayCall: (needed, caller) => !needed.includes('files:write') && parts.mayCall(needed, caller),
    })),
    also: ['S03', 'S13'],
  },
  {
    id: 'S07',
    way: 'the broader scope counts for tools only',
    plant: withBroadScope((needed, scopes) => needed.length > 1 && scopes.includes(BROAD)),
  },
  {
    id: 'S08',
    way: 'another scope each time',
    plant: in403(field => (turns++ % 2 === 0 ? field : field.replace(/files:write/, 'files:all'))),
  },
  {
    id: 'S09',
    way: 'a batch gets past the scopes',
    plant: changing(parts => ({
      isOpen: async request => {
        const isBatch = request.method === 'POST' && (await request.body()).startsWith('[')
        return isBatch || parts.isOpen(request)
      },
      finish: (answer, request) =>
        answer.status === 400 && answer.body.includes('-32700')
          ? parts.finish(
              json(200, [
                { jsonrpc: '2.0', id: 1, result: {} },
                { jsonrpc: '2.0', id: 2, result: {} },
              ]),
              request,
            )
          : parts.finish(answer, request),
    })),
  },
  {
    id: 'S10',
    way: 'an unknown tool is a matter of scopes',
    plant: changing({
      scopesOf: (parts: Parts, { method, params }) => {
        const known = parts.mcp.toolScopes[String(params?.name)]
        return method === TOOL && !known && params?.name !== 'whoami' ? ['files:write'] : (known ?? parts.baseScopes)
      },
    }),
  },
  {
    id: 'S10',
    way: 'the list of tools needs every scope',
    plant: changing(parts => ({
      scopesOf: (whole, rpc) => (rpc.method === 'tools/list' ? whole.allScopes : parts.scopesOf(whole, rpc)),
    })),
  },
  {
    id: 'S11',
    way: 'a token without scopes is no token',
    plant: changing(parts => ({
      refuse: (whole, refusal, request, rpc) => {
        const isBase = refusal.status === 403 && refusal.scopes?.length === 1
        return parts.refuse(whole, isBase ? { ...refusal, status: 401, error: 'invalid_token' } : refusal, request, rpc)
      },
    })),
  },
  { id: 'S12', way: 'an empty body', plant: refusing(403, answer => ({ ...answer, body: '' })) },
  {
    id: 'S12',
    way: 'the id of another request',
    plant: refusing(403, answer => ({ ...answer, body: answer.body.replace('call-beyond-scope', 'another') })),
  },
  {
    id: 'S13',
    way: 'a session is bound to the first token',
    plant: serving(({ findSession }) => {
      const tokens = new Map<string, string>()
      return {
        findSession(id, caller) {
          const first = tokens.get(id) ?? caller.token
          tokens.set(id, first)
          return first === caller.token ? findSession(id, caller) : undefined
        },
      }
    }),
  },
  {
    id: 'S14',
    way: 'an elicitation that was not declared',
    plant: serving({
      callTool: async () => ({ resultType: 'input_required', inputRequests: { a: { method: 'elicitation/create' } } }),
    }),
  },
  {
    id: 'S14',
    way: 'error -32042',
    plant: finishing(answer => ({
      ...answer,
      body: answer.body.replace('"result":{"content"', '"error":{"code":-32042,"message":""},"x":{"content"'),
    })),
  },
]
