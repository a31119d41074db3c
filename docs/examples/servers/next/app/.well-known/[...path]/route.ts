import { authRoutes } from 'idplug/next'
import { auth } from '../../../lib/auth'

export const { GET, HEAD, OPTIONS, POST } = authRoutes(auth)
