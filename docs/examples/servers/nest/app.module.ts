import { toNodeHandler } from '@modelcontextprotocol/node'
import { All, Controller, Module, Req, Res } from '@nestjs/common'
import type { Request, Response } from 'express'
import { mcp } from './tools.ts'

@Controller('mcp')
class McpController {
  readonly #handle = toNodeHandler(mcp)

  @All()
  serve(@Req() request: Request, @Res() response: Response) {
    return this.#handle(request, response, request.body)
  }
}

@Module({ controllers: [McpController] })
export class AppModule {}
