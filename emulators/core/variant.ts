import type { JsonObject } from './keys.ts'
import { type DocumentName, type OptionalMember, optionalMembers } from './optional-members.ts'

/**
 * How errors come.
 *
 * - `empty`: no body (Glewlwyd 2.7.5 at its token endpoint).
 * - `html`: a page, as proxies put in place of it (nginx, `error_page` and its built-in pages).
 * - `challenge`: no body, and the code in `WWW-Authenticate: Bearer` (RFC 6750 §3).
 * - `other_code`: `invalid_request` for what is `invalid_grant` (LemonLDAP::NG 2.16.1).
 */
export type ErrorForm = 'empty' | 'html' | 'challenge' | 'other_code'

/** What a provider does otherwise, within what the specifications allow or what was seen at real servers. */
export interface Variant {
  /** Members that are left out. Default: none. */
  omit?: readonly OptionalMember[]
  /** Default: as the emulator has them, mostly JSON (RFC 6749 §5.2). */
  errors?: ErrorForm
}

/** Applies a variant to what a provider answers. */
export interface Variation {
  /** @throws {Error} A member is not optional, or nothing says that it is. */
  set(variant: Variant): void
  /** Members of a document, or claims of an ID token, without those that are left out. */
  without(document: DocumentName, members: JsonObject): JsonObject
  /** An answer as the variant has it. */
  apply(document: DocumentName, answer: Response): Promise<Response>
}

export function createVariation(): Variation {
  let omitted: ReadonlySet<string> = new Set()
  let errors: ErrorForm | undefined

  function without(document: DocumentName, members: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(members).filter(([name]) => !omitted.has(`${document}.${name}`)))
  }

  return {
    set({ omit = [], errors: form }) {
      const required = omit.filter(member => !optionalMembers.has(member))
      if (required.length > 0) throw new Error(`not known to be optional: ${required.join(', ')}`)
      omitted = new Set(omit)
      errors = form
    },
    without,
    async apply(document, answer) {
      if (!answer.ok) return errors === undefined ? answer : failure(errors, answer)
      const isJson = answer.headers.get('content-type')?.includes('json')
      if (omitted.size === 0 || !isJson) return answer
      const members = (await answer.json()) as JsonObject
      const { keys } = members
      const left =
        document === 'jwks' && Array.isArray(keys)
          ? { ...members, keys: keys.map(key => without('jwks', key as JsonObject)) }
          : without(document, members)
      const headers = new Headers(answer.headers)
      headers.delete('content-length')
      return Response.json(left, { status: answer.status, headers })
    },
  }
}

async function failure(form: ErrorForm, answer: Response): Promise<Response> {
  const { status } = answer
  if (form === 'empty') return new Response(null, { status })
  if (form === 'html') {
    const body = `<html>\r\n<head><title>${status}</title></head>\r\n<body><center><h1>${status}</h1></center></body>\r\n</html>\r\n`
    return new Response(body, { status, headers: { 'content-type': 'text/html' } })
  }
  const code = (await answer.json().catch(() => ({}))) as JsonObject
  if (form === 'challenge') {
    const headers = { 'www-authenticate': `Bearer error="${code.error ?? 'invalid_token'}"` }
    return new Response(null, { status, headers })
  }
  const error = code.error === 'invalid_grant' ? 'invalid_request' : code.error
  return Response.json({ error }, { status })
}
