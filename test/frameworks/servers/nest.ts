import 'reflect-metadata'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { All, Controller, Module, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Request, Response } from 'express'
import type { Auth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { mcp } from './mcp.ts'

@Controller('mcp')
class McpController {
  readonly handle = toNodeHandler(mcp)

  @All()
  serve(@Req() request: Request, @Res() response: Response) {
    return this.handle(request, response, request.body)
  }
}

@Module({ controllers: [McpController] })
class AppModule {}

export async function createFilesServer(auth: Auth) {
  const app = await NestFactory.create(AppModule, { logger: ['error'] })
  app.use(authRoutes(auth))
  app.use('/mcp', protect(auth))
  return app
}
