import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { AppModule } from './app.module.ts'
import { files } from './files.ts'

const auth = createAuth(files)
const app = await NestFactory.create(AppModule)
app.use(authRoutes(auth))
app.use('/mcp', protect(auth))
await app.listen(process.env.PORT ?? 3000)
