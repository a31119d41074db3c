import type { ResourceDeclaration } from 'idplug'

/** The notes server as a protected resource: what it is called, its scopes, and what each operation needs. */
export const notes = {
  name: 'Notes',
  scopes: {
    'notes:read': 'Read your notes',
    'notes:write': 'Add and delete notes in your name',
    'notes:admin': 'See how many notes every user has',
  },
  initialScopes: ['notes:read'],
  access: {
    tools: {
      whoami: [],
      list_notes: ['notes:read'],
      read_note: ['notes:read'],
      add_note: ['notes:write'],
      delete_note: ['notes:write'],
      admin_stats: ['notes:admin'],
    },
    resources: { 'notes://mine': ['notes:read'] },
    prompts: { summarize_notes: ['notes:read'] },
  },
} as const satisfies ResourceDeclaration
