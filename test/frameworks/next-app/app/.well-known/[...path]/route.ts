import { authRoutes } from '../../../../../../src/edges/next.ts'
import { planOfRequest } from '../../../plan.ts'

const auths = () => planOfRequest().mounted.map(({ auth }) => auth)

export const GET = (request: Request) => authRoutes(...auths()).GET(request)
export const HEAD = (request: Request) => authRoutes(...auths()).HEAD(request)
export const OPTIONS = (request: Request) => authRoutes(...auths()).OPTIONS(request)
export const POST = (request: Request) => authRoutes(...auths()).POST(request)
