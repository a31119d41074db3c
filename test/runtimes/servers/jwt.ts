import { authFrom, createJwtValidator } from 'idplug/core'
import { protect } from 'idplug/fetch'
import { callTool, type Env, files, type Handler } from './files.ts'

export function createServer({ ISSUER: issuer = '' }: Env): Handler {
  const { resource } = files
  const validator = createJwtValidator({ issuer, audience: { audience: [resource] }, types: ['at+jwt'] }, { resource })
  return protect(authFrom(files, validator), callTool)
}
