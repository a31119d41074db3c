import { cpSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../support/temporary-files.ts'
import { type Example, folderOf } from './examples.ts'
import { personAt } from './person.ts'
import { providers } from './providers.ts'
import { run } from './running.ts'

const SERVER = `
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { notes } from './notes/declaration.ts'
import { createNotesCatalog } from './notes/notes-catalog.ts'
import { createNoteStore } from './notes/notes.ts'
import { createCatalogServers } from './notes/servers.ts'

const auth = createAuth(notes)
const servers = createCatalogServers(createNotesCatalog(createNoteStore(), '1.0.0'), console.error)
const handle = toNodeHandler(createMcpHandler(() => servers.createModern()))
const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), (req, res) => handle(req, res, req.body))
app.listen(process.env.PORT)
`

it('the notes server runs as a package of its own', async () => {
  const folder = temporaryFolder()
  cpSync(fileURLToPath(new URL('../../app/notes', import.meta.url)), join(folder, 'notes'), { recursive: true })
  symlinkSync(join(folderOf('express-sdk2'), 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "scripts": { "start": "node server.ts" } }')
  writeFileSync(join(folder, 'server.ts'), SERVER)
  const example: Example = { name: 'notes', sdk: '2.x', folder }

  const ada = await personAt(await run(example, providers[0]), example)
  await ada.connect()
  const note = { title: 'Milk', text: 'Two litres' }
  await expect(ada.call('add_note', note)).rejects.toThrow()
  await ada.finishSignIn()
  await ada.call('add_note', note)
  expect((await ada.call('list_notes')).text).toContain('Milk')
})
