import { auth, origin } from './auth.ts'

const form = (name: string, value: string) => `<form method="post" action="">
  <input name="${name}"><button name="${name}" value="${value}">Go on</button></form>`

/** Pages for sign-in and consent, as an application that uses better-auth has its own. Whoever is not known yet signs up. */
export async function pages(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  if (request.method === 'GET') {
    const field = pathname === '/sign-in' ? form('user', '') : form('decision', 'allow')
    return new Response(field, { headers: { 'content-type': 'text/html' } })
  }
  const oauth_query = search.slice(1)
  const fields = await request.formData()
  if (pathname === '/consent') {
    return forward('/oauth2/consent', { accept: fields.get('decision') === 'allow', oauth_query }, request)
  }
  const person = { email: `${fields.get('user')}@example.com`, password: 'correct horse battery' }
  await forward('/sign-up/email', { ...person, name: String(fields.get('user')) }, request)
  return forward('/sign-in/email', { ...person, oauth_query }, request)
}

/** Asks better-auth as its client in a web page does, and goes where it says. */
async function forward(path: string, body: object, { headers }: Request): Promise<Response> {
  const answer = await auth.handler(
    new Request(`${origin}/api/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin, cookie: headers.get('cookie') ?? '' },
      body: JSON.stringify(body),
    }),
  )
  const text = await answer.text()
  const { redirect_uri, url } = (text ? JSON.parse(text) : {}) as { redirect_uri?: string; url?: string }
  const location = url ?? redirect_uri
  if (!location) return new Response(text, { status: answer.status })
  const out = new Headers({ location })
  for (const cookie of answer.headers.getSetCookie()) out.append('set-cookie', cookie)
  return new Response(null, { status: 302, headers: out })
}
