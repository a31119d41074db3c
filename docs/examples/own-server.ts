import express from 'express'
import { bearerAuth, createIntrospectionValidator, createValidatorContext } from '../../index.ts'

const context = await createValidatorContext({ resource: 'https://mcp.example.com/mcp', env: process.env })
const validator = createIntrospectionValidator(
  {
    issuer: 'https://auth.example.com',
    audience: { audience: [context.resource] },
    credentials: {
      method: 'client_secret_basic',
      clientId: 'my-mcp-server',
      clientSecret: process.env.INTROSPECTION_SECRET ?? '',
    },
  },
  context,
)

const app = express()
app.use('/mcp', bearerAuth({ validator, resource: context.resource }))
app.post('/mcp', express.json(), (req, res) => {
  res.json({ hello: req.token?.subject })
})
app.listen(3000)
