import type { NextRequest } from 'next/server'
import { protect } from '../../../../../src/edges/next.ts'
import { planOfRequest } from '../../plan.ts'

const route = (request: NextRequest) => {
  const { mounted, handler } = planOfRequest()
  const { pathname } = request.nextUrl
  const endpoint = mounted.find(({ path }) => path === pathname)
  if (!endpoint) return new Response('Not Found', { status: 404 })
  const respond = protect(
    endpoint.auth,
    (admitted: NextRequest & { parsedBody?: unknown; auth?: never; token?: never }) => {
      const { method, parsedBody: body, auth: authInfo, token } = admitted
      if (admitted.nextUrl.pathname !== pathname) throw new Error('this is not the request of Next any more')
      return handler({ method, body, authInfo, token, text: () => admitted.text() })
    },
  )
  return respond(request)
}

export { route as DELETE, route as GET, route as HEAD, route as OPTIONS, route as PATCH, route as POST, route as PUT }
