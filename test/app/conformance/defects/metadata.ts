import type { Members } from '../plain-issuer.ts'
import { json, withHeader, withoutHeader } from '../server/message.ts'
import { challenging, type Defect, describing, finishing, publishing } from './defect.ts'

const ROOT = '/.well-known/oauth-protected-resource'
const HTML = { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Files</title>' }
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const resource = (change: (resource: string) => unknown) =>
  publishing(metadata => ({ ...metadata, resource: change(String(metadata.resource)) }))
const member = (name: string, value: unknown) => publishing(metadata => ({ ...metadata, [name]: value }))
const issuerMember = (name: string, value: unknown) => (metadata: Members) => ({ ...metadata, [name]: value })

/** Mistakes in the metadata of the resource and of its authorization server. */
export const metadataDefects: readonly Defect[] = [
  {
    id: 'P01',
    way: 'nowhere',
    plant: parts => ({ ...challenging(() => 'Bearer realm="files"')(parts), metadataAnswer: () => undefined }),
  },
  {
    id: 'P01',
    way: 'at the root only',
    plant: parts =>
      describing((answer, path) => (path === ROOT ? answer : json(404, {})))(
        challenging(field => field.replace(/resource_metadata="[^"]+", /, ''))(parts),
      ),
    mild: true,
  },
  { id: 'P02', plant: describing((answer, path) => (path === ROOT ? HTML : answer)) },
  { id: 'P03', way: 'another type', plant: describing(answer => withHeader(answer, 'content-type', 'text/plain')) },
  { id: 'P03', way: 'a page', plant: describing(() => HTML) },
  { id: 'P04', plant: resource(() => undefined) },
  { id: 'P05', plant: resource(url => url.replace('/mcp', '/other')) },
  { id: 'P06', way: 'another path', plant: resource(url => url.replace('/mcp', '')) },
  { id: 'P06', way: 'a slash more', plant: resource(url => `${url}/`) },
  { id: 'P07', way: 'a fragment', plant: resource(url => `${url}#files`) },
  { id: 'P07', way: 'http: elsewhere', plant: resource(() => 'http://files.example/mcp') },
  { id: 'P07', way: 'no URL', plant: resource(() => 'files') },
  { id: 'P08', plant: resource(url => `${url}?files`) },
  { id: 'P09', plant: resource(url => new URL(url).origin.concat('/')) },
  { id: 'P10', way: 'empty', plant: member('authorization_servers', []) },
  { id: 'P10', way: 'absent', plant: member('authorization_servers', undefined) },
  { id: 'P11', way: 'a query', plant: member('authorization_servers', ['https://id.example/?tenant=1']) },
  { id: 'P11', way: 'http:', plant: member('authorization_servers', ['http://id.example']) },
  { id: 'P12', issuer: () => undefined },
  { id: 'P13', way: 'a slash more', issuer: metadata => ({ ...metadata, issuer: `${metadata.issuer}/` }) },
  { id: 'P14', way: 'absent', issuer: issuerMember('code_challenge_methods_supported', undefined) },
  { id: 'P14', way: 'plain only', issuer: issuerMember('code_challenge_methods_supported', ['plain']) },
  { id: 'P15', issuer: issuerMember('authorization_response_iss_parameter_supported', undefined) },
  { id: 'P16', issuer: issuerMember('registration_endpoint', undefined) },
  { id: 'P17', way: 'offline_access', plant: member('scopes_supported', ['files:read', 'offline_access']) },
  { id: 'P17', way: 'absent', plant: member('scopes_supported', undefined) },
  { id: 'P18', plant: member('bearer_methods_supported', ['header', 'query']) },
  { id: 'P19', plant: member('resource_signing_alg_values_supported', []) },
  { id: 'P20', way: 'none', plant: member('resource_signing_alg_values_supported', ['none']) },
  { id: 'P20', way: 'HMAC for proofs', plant: member('dpop_signing_alg_values_supported', ['ES256', 'HS256']) },
  { id: 'P20', way: 'required and not asked for', plant: member('dpop_bound_access_tokens_required', true) },
  {
    id: 'P21',
    plant: finishing((answer, request) =>
      request.url.pathname.startsWith(ROOT) && request.all('authorization').length > 0 ? json(401, {}) : answer,
    ),
    mild: true,
  },
  { id: 'P22', way: 'no header', plant: describing(answer => withoutHeader(answer, 'access-control-allow-origin')) },
  {
    id: 'P22',
    way: 'no preflight',
    plant: finishing((answer, { method, url }) =>
      method === 'OPTIONS' && url.pathname.startsWith(ROOT) ? { ...answer, status: 404 } : answer,
    ),
  },
  { id: 'P23', way: 'no HEAD', plant: finishing((answer, { method }) => (method === 'HEAD' ? json(404, {}) : answer)) },
  {
    id: 'P23',
    way: 'POST',
    plant: describing(answer => (answer.status === 405 ? json(200, {}) : answer)),
  },
  {
    id: 'P24',
    way: 'X-Forwarded-Host in the metadata',
    plant: parts => ({
      ...parts,
      metadataAnswer(own, request) {
        const [host] = request.all('x-forwarded-host')
        const named = host ? publishing(metadata => ({ ...metadata, resource: `https://${host}/mcp` }))(own) : own
        return parts.metadataAnswer(named, request)
      },
    }),
  },
  {
    id: 'P24',
    way: 'Host in the challenge',
    plant: parts =>
      finishing((answer, request) => {
        const challenge = answer.headers['www-authenticate']
        if (challenge === undefined) return answer
        return withHeader(
          answer,
          'www-authenticate',
          String(challenge).replace(/\/\/[^/]+/, `//${request.all('host')[0]}`),
        )
      })({ ...parts, hostIsGood: () => true }),
  },
  { id: 'P25', plant: challenging(field => field.replace('127.0.0.1', 'localhost')) },
  {
    id: 'P26',
    plant: parts =>
      describing((answer, path) =>
        path === ROOT ? { ...answer, body: answer.body.replace('"files:write"', '"files:more"') } : answer,
      )(challenging(field => field.replace(`${ROOT}/mcp`, ROOT))(parts)),
  },
  { id: 'P27', way: 'no JWT', plant: member('signed_metadata', 'signed') },
  {
    id: 'P27',
    way: 'unsigned',
    plant: member('signed_metadata', `${part({ alg: 'none' })}.${part({ iss: 'https://id.example' })}.`),
  },
  {
    id: 'P27',
    way: 'without iss',
    plant: member('signed_metadata', `${part({ alg: 'ES256' })}.${part({ resource: 'https://files.example' })}.AA`),
  },
  {
    id: 'P27',
    way: 'another resource',
    plant: member(
      'signed_metadata',
      `${part({ alg: 'ES256' })}.${part({ iss: 'https://id.example', resource: 'https://x.example' })}.AA`,
    ),
    mild: true,
  },
  { id: 'P27', way: 'a header that is not JSON', plant: member('signed_metadata', `AAAA.${part({ iss: 'x' })}.AA`) },
]
