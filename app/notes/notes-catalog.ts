import type { Catalog, PromptDefinition, ResourceDefinition } from './catalog.ts'
import type { NoteStore } from './notes.ts'
import { createTools } from './tools.ts'

/** Everything that the notes server offers. */
export function createNotesCatalog(notes: NoteStore, version: string): Catalog {
  return {
    name: 'idplug-notes',
    title: 'Notes behind a sign-in',
    version,
    instructions:
      'Keeps short notes of the signed-in user. A tool that is marked as out of reach needs scopes that the access token lacks; calling it makes the client ask for them.',
    tools: createTools(notes),
    resources: [notesAsText(notes)],
    prompts: [summarize],
  }
}

function notesAsText(notes: NoteStore): ResourceDefinition {
  return {
    uri: 'notes://mine',
    name: 'my-notes',
    title: 'My notes',
    description: 'All notes of the signed-in user as one Markdown text.',
    mimeType: 'text/markdown',
    scopes: ['notes:read'],
    read: async ({ token }) =>
      (await notes.list(token)).map(({ title, text }) => `# ${title}\n\n${text}\n`).join('\n') ||
      'There are no notes yet.\n',
  }
}

const summarize: PromptDefinition = {
  name: 'summarize_notes',
  title: 'Summarize my notes',
  description: 'Asks for a summary of the signed-in user’s notes.',
  arguments: [{ name: 'style', description: 'Such as "one sentence" or "as a list"', required: false }],
  scopes: ['notes:read'],
  render: ({ style = 'a short paragraph' }) =>
    `Read all of my notes with list_notes and read_note, then summarize them. Style: ${style}.`,
}
