import { toNodeHandler } from '@modelcontextprotocol/node'
import express from 'express'
import { mcp } from './tools.ts'

const handle = toNodeHandler(mcp)
const app = express()
app.use(express.json())
app.all('/mcp', (req, res) => handle(req, res, req.body))
app.listen(process.env.PORT ?? 3000)
