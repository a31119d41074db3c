import { authFrom, createIntrospectionValidator } from 'idplug/core'
import { protect } from 'idplug/fetch'
import { callTool, type Env, files, type Handler } from './files.ts'

export function createServer({ ISSUER: issuer = '' }: Env): Handler {
  const { resource } = files
  const validator = createIntrospectionValidator(
    {
      issuer,
      audience: { audience: [resource] },
      credentials: { method: 'client_secret_basic', clientId: 'introspector', clientSecret: 'introspector-secret' },
    },
    { resource },
  )
  return protect(authFrom(files, validator), callTool)
}
