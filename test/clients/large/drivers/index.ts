import type { RealClient } from '../../client.ts'
import { claudeCode } from './claude-code.ts'
import { codex } from './codex.ts'
import { copilot } from './copilot.ts'
import { gemini } from './gemini.ts'
import { opencode } from './opencode.ts'

/** Installed by `npm run setup:large-clients`. */
export const largeClients: readonly RealClient[] = [claudeCode, codex, copilot, gemini, opencode]
