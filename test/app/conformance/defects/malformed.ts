import type { Request } from '../server/message.ts'
import type { Credentials, Parts } from '../server/parts.ts'
import type { Plant } from '../server/server.ts'
import { challenging, type Defect, finishing } from './defect.ts'
import { judging, type TokenDefect } from './token-defect.ts'

/** Reads tokens otherwise. */
const reading =
  (
    read: (request: Request, honest: () => Credentials | Promise<Credentials>) => Credentials | Promise<Credentials>,
  ): Plant =>
  (parts: Parts) => ({ ...parts, credentialsOf: request => read(request, () => parts.credentialsOf(request)) })

const token = (value: string | null | undefined): Credentials =>
  value ? { kind: 'token', scheme: 'bearer', token: value } : { kind: 'none' }
const header = (request: Request) => request.all('authorization')[0]?.replace(/^Bearer /, '')
const isOdd = (request: Request) => /[^\w. -]|.{9999}/.test(request.all('authorization')[0] ?? '')

const readingForms = reading(async request => {
  const isForm = request.all('content-type')[0]?.includes('form')
  return token(isForm ? new URLSearchParams(await request.body()).get('access_token') : header(request))
})

/** Mistakes with credentials that are not as they should be. */
export const malformedDefects: readonly Defect[] = [
  {
    id: 'B01',
    plant: reading((request, honest) =>
      /^Bearer *$/.test(request.all('authorization')[0] ?? '') ? token('nothing') : honest(),
    ),
  },
  { id: 'B02', plant: reading(request => token(header(request))), token: true },
  { id: 'B03', plant: reading(request => token(header(request))), token: true },
  {
    id: 'B04',
    way: 'read',
    plant: reading(request => token(header(request) ?? request.url.searchParams.get('access_token'))),
    mild: true,
  },
  {
    id: 'B04',
    way: 'accepted',
    plant: reading(request => token(header(request) ?? request.url.searchParams.get('access_token'))),
    token: true,
  },
  {
    id: 'B04',
    way: 'accepted, and nothing is said about bad ones',
    plant: parts =>
      challenging(field => field.replace(/, error=.*/, ''))(
        reading(request => token(header(request) ?? request.url.searchParams.get('access_token')))(parts),
      ),
    token: true,
  },
  { id: 'B05', way: 'read', plant: readingForms, mild: true },
  // What is in a form is no message.
  { id: 'B05', way: 'read, and then answered otherwise', plant: readingForms, token: true },
  {
    id: 'B07',
    way: 'invalid_request',
    plant: reading((request, honest) =>
      request.all('authorization')[0]?.startsWith('Basic') ? { kind: 'malformed' } : honest(),
    ),
  },
  { id: 'B08', plant: finishing((answer, request) => (isOdd(request) ? { ...answer, status: 500 } : answer)) },
  {
    id: 'B09',
    way: '403',
    plant: finishing(answer => (/invalid_token/.test(answer.body) ? { ...answer, status: 403 } : answer)),
  },
  {
    id: 'B09',
    way: '500 to what looks like a JWT',
    plant: finishing((answer, request) =>
      /\..*\./.test(request.all('authorization')[0] ?? '') ? { ...answer, status: 500 } : answer,
    ),
  },
  { id: 'B09', way: 'no error', plant: challenging(field => field.replace(/, error=.*/, '')), mild: true },
  {
    id: 'B09',
    way: 'no resource_metadata',
    plant: challenging(field => (field.includes('error=') ? field.replace(/resource_metadata="[^"]+", /, '') : field)),
    mild: true,
  },
  {
    id: 'B10',
    plant: finishing((answer, request) => ({ ...answer, body: `${answer.body} ${header(request) ?? ''}` })),
  },
  {
    id: 'B12',
    plant: reading(request =>
      token(header(request) ?? /access_token=([^;]+)/.exec(request.all('cookie')[0] ?? '')?.[1]),
    ),
  },
]

/** Those of them that only good tokens show, or many. */
export const credentialDefects: readonly TokenDefect[] = [
  {
    id: 'B06',
    way: 'the scheme is compared letter by letter',
    plant: reading((request, honest) =>
      /^bearer /i.test(request.all('authorization')[0] ?? '') && !/^Bearer /.test(request.all('authorization')[0] ?? '')
        ? { kind: 'none' }
        : honest(),
    ),
  },
  {
    id: 'B11',
    way: 'the keys are fetched for each token',
    plant: judging(honest => ({
      async read(token) {
        await (await fetch(honest.trust.jwksUri)).text()
        return honest.read.call(this, token)
      },
    })),
  },
]
