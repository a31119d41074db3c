import { type JSONRPCMessage, parseJSONRPCMessage } from '@modelcontextprotocol/client'
import type { ConnectionHandlers } from './connection.ts'

/**
 * Takes what a server has sent as one message.
 *
 * @returns What is wrong with it, in words for the log; `undefined` where nothing is.
 */
export function receive(
  text: string,
  { onMessage, onMalformed }: Pick<ConnectionHandlers, 'onMessage' | 'onMalformed'>,
): string | undefined {
  let value: unknown
  let message: JSONRPCMessage
  try {
    value = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  try {
    message = parseJSONRPCMessage(value)
  } catch {
    onMalformed(value)
    return 'not JSON-RPC'
  }
  return onMessage(message)
}
