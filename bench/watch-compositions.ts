import { notes } from '../app/notes/declaration.ts'
import { createNoteStore } from '../app/notes/notes.ts'
import { createNotesCatalog } from '../app/notes/notes-catalog.ts'
import { createCatalogServers } from '../app/notes/servers.ts'
import { createSite, protectedEndpoint } from '../app/serve/http.ts'
import { createMcpEndpoint } from '../app/serve/mcp/endpoint.ts'
import { assembleAuth } from '../auth/auth-from.ts'
import { stderrObserver } from '../auth/stderr-observer.ts'
import { startWatching } from '../auth/watching.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { Composition, CompositionSettings } from './http-compositions.ts'

/** Our server as it ships, with and without `AUTH_WATCH`. */
export const watched: Readonly<Record<string, Composition>> = {
  unwatched: settings => server(settings, undefined),
  watched: settings => server(settings, settings.watch),
}

function server({ issuer, resource, jwksUri }: CompositionSettings, path: string | undefined) {
  const onError = (error: unknown) => console.error(error)
  const validator = createJwtValidator(
    { issuer, jwksUri, audience: { audience: [resource] }, types: ['at+jwt'] },
    { resource, fetch, now: Date.now },
  )
  const observer = stderrObserver()
  const facts = { resource, name: notes.name, trustedProxies: [], ownIssuer: undefined }
  const watch = path === undefined ? undefined : startWatching(path, observer).resource(facts)
  const auth = assembleAuth(notes, resource, validator, { observer, watch })
  const catalog = createNotesCatalog(createNoteStore(), '0.0.0')
  const endpoint = createMcpEndpoint({ servers: createCatalogServers(catalog, onError), now: Date.now })
  const served = { auth, name: notes.name, endpoint: protectedEndpoint(auth, endpoint.handle, onError) }
  return createSite({ servers: [served], onError })
}
