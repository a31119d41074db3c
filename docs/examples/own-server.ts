import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'

const auth = createAuth({
  name: 'Files',
  resource: 'https://mcp.example.com/mcp',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
})

const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), (req, res) => {
  res.json({ hello: req.token?.subject, asked: req.body })
})
app.listen(3000)
