import { toNodeHandler } from '@modelcontextprotocol/node'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { files } from './files.ts'
import { mcp } from './tools.ts'

const auth = createAuth(files)
const handle = toNodeHandler(mcp)
const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), (req, res) => handle(req, res, req.body))
app.listen(process.env.PORT ?? 3000)
