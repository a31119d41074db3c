import { callTool } from '../frameworks/support/call-tool.ts'

/** What a call of a tool is answered with, without a session. */
export interface Answer {
  readonly status: number
  /** Header `WWW-Authenticate`; empty: there is none. */
  readonly challenge: string
  readonly text: string
}

/** Calls a tool, without arguments. */
export async function ask(url: string, tool: string, token?: string): Promise<Answer> {
  const { origin, pathname } = new URL(url)
  const response = await callTool(origin, tool, token, pathname)
  const challenge = response.headers.get('www-authenticate') ?? ''
  return { status: response.status, challenge, text: await response.text() }
}
