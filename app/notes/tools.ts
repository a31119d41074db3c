import { z } from 'zod'
import { defineTool, type ToolDefinition, ToolError } from './catalog.ts'
import type { NoteStore } from './notes.ts'

/** Milliseconds since the Unix epoch up to which there are dates. A token may claim to last longer. */
const LAST_TIME = 8.64e15

const noteId = z.uuid().describe('Id of the note, as list_notes gives it')
const noteSummary = z.object({ id: z.string(), title: z.string(), createdAt: z.string() })
const note = noteSummary.extend({ text: z.string() })

/** Tools that show authorization at work: one for every signed-in user, the rest behind scopes (`declaration.ts`). */
export function createTools(notes: NoteStore): readonly ToolDefinition[] {
  return [
    defineTool({
      name: 'whoami',
      title: 'Who am I?',
      description: 'Says who is signed in, through which client, and what the access token allows.',
      inputSchema: z.strictObject({}),
      outputSchema: z.object({
        issuer: z.string(),
        subject: z.string(),
        clientId: z.string(),
        principalType: z.enum(['user', 'service']),
        scopes: z.array(z.string()),
        expiresAt: z.string().describe('ISO 8601'),
      }),
      annotations: { readOnlyHint: true, openWorldHint: false },
      handler: (_args, { token: { issuer, subject, clientId, principalType, scopes, expiresAt } }) => ({
        issuer,
        subject,
        clientId,
        principalType,
        scopes: [...scopes],
        expiresAt: new Date(Math.min(expiresAt * 1000, LAST_TIME)).toISOString(),
      }),
    }),
    defineTool({
      name: 'list_notes',
      title: 'List notes',
      description: 'Lists your notes, oldest first.',
      inputSchema: z.strictObject({}),
      outputSchema: z.object({ notes: z.array(noteSummary) }),
      annotations: { readOnlyHint: true, openWorldHint: false },
      handler: async (_args, { owner }) => ({
        notes: (await notes.list(owner)).map(({ id, title, createdAt }) => ({ id, title, createdAt })),
      }),
    }),
    defineTool({
      name: 'read_note',
      title: 'Read a note',
      description: 'Returns one of your notes.',
      inputSchema: z.strictObject({ id: noteId }),
      outputSchema: note,
      annotations: { readOnlyHint: true, openWorldHint: false },
      async handler({ id }, { owner }) {
        const found = await notes.read(owner, id)
        if (!found) throw new ToolError(`You have no note with the id ${id}.`)
        return found
      },
    }),
    defineTool({
      name: 'add_note',
      title: 'Add a note',
      description: 'Adds a note. Only you can read it.',
      inputSchema: z.strictObject({
        title: z.string().trim().min(1).max(100),
        text: z.string().max(5000),
      }),
      outputSchema: note,
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
      async handler(args, { owner }) {
        const added = await notes.add(owner, args)
        if (!added) throw new ToolError('There is no room for another note. Delete one first.')
        return added
      },
    }),
    defineTool({
      name: 'delete_note',
      title: 'Delete a note',
      description: 'Deletes one of your notes for good.',
      inputSchema: z.strictObject({ id: noteId }),
      outputSchema: z.object({ deleted: z.string().describe('Id of the note') }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      async handler({ id }, { owner }) {
        if (!(await notes.delete(owner, id))) throw new ToolError(`You have no note with the id ${id}.`)
        return { deleted: id }
      },
    }),
    defineTool({
      name: 'admin_stats',
      title: 'Notes per user',
      description: 'Counts the notes of every user. Shows no titles and no text.',
      inputSchema: z.strictObject({}),
      outputSchema: z.object({
        users: z.array(z.object({ issuer: z.string(), subject: z.string(), notes: z.int() })),
      }),
      annotations: { readOnlyHint: true, openWorldHint: false },
      handler: async () => ({ users: [...(await notes.counts())] }),
    }),
  ]
}
