import { type Answer, type Draft, emptyDraft, jsonOf, type Members } from '../draft.ts'

/** An answer about a token, in place of claims that the token carries itself. */
export interface AnswerDraft extends Draft {
  token: string
  status: number
  headers: Record<string, string>
  /** In place of the answer. */
  answer?: Answer
  /** Members of what is asked besides, such as UserInfo. */
  further: Members
  furtherAnswer?: Answer
}

export function answerDraft(token: string, claims: Members, expected: Draft['expected']): AnswerDraft {
  return {
    ...emptyDraft(),
    token,
    claims: { ...claims },
    expected: { ...expected },
    status: 200,
    headers: { 'content-type': 'application/json' },
    further: {},
  }
}

export function answerOf(draft: AnswerDraft): Answer {
  return (
    draft.answer ?? (() => new Response(jsonOf(draft.claims, draft), { status: draft.status, headers: draft.headers }))
  )
}

export const replace = (draft: AnswerDraft, answer: Answer) => {
  draft.answer = answer
}
