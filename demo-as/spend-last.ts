import { hash } from 'node:crypto'
import Provider, { type Adapter, type TokenEndpointGrantContext } from 'oidc-provider'
import type { Locks } from './locks.ts'

type GrantHandler = (ctx: TokenEndpointGrantContext) => void | Promise<void>

/** What spendLast needs of a model of oidc-provider. */
interface Model {
  prototype: { consume(): Promise<void> }
}

const marking = 'marking'
const saving = 'saving'

/**
 * Has codes and refresh tokens marked as used after what they give was made and stored, where oidc-provider does it before: what breaks off in
 * between has not happened, and can be made again.
 */
export function markLast(model: Model): void {
  const { consume } = model.prototype
  model.prototype.consume = async function () {
    const marks: (() => Promise<void>)[] | undefined = Provider.ctx?.state[marking]
    if (marks) marks.push(() => consume.call(this))
    else await consume.call(this)
  }
}

/** Has the tokens of one answer stored at once, where oidc-provider stores one after the other. */
export function saveTogether({ adapter }: { adapter: Adapter }): void {
  const { upsert } = adapter
  adapter.upsert = async (...entry) => {
    const saves: (() => Promise<unknown>)[] | undefined = Provider.ctx?.state[saving]
    if (saves) saves.push(() => upsert(...entry))
    else await upsert(...entry)
  }
}

/**
 * Runs a grant of oidc-provider with its marks put off. What it gives is stored by the end.
 *
 * @returns Makes the marks: whoever makes one first has used the thing.
 */
export async function withMarksLast(
  ctx: TokenEndpointGrantContext,
  handler: GrantHandler,
): Promise<() => Promise<void>> {
  const marks: (() => Promise<void>)[] = []
  const saves: (() => Promise<unknown>)[] = []
  Object.assign(ctx.state, { [marking]: marks, [saving]: saves })
  try {
    await handler(ctx)
  } finally {
    delete ctx.state[marking]
    delete ctx.state[saving]
  }
  await Promise.all(saves.map(save => save()))
  return async () => {
    for (const mark of marks) await mark()
  }
}

/** Something that is used once. */
export interface SpentOnce {
  /** Parameter of the request that names it. */
  parameter: string
  find(value: string): Promise<object | undefined>
}

/**
 * Wraps the grant of something that is used once. Of requests at once one has it, in all processes together; the others come after it and
 * find it used.
 */
export function spendLast({ parameter, find }: SpentOnce, locks: Locks, handler: GrantHandler): GrantHandler {
  return async ctx => {
    const value = ctx.oidc.params[parameter]
    if (typeof value !== 'string' || value === '') return handler(ctx)
    const isUsed = async () => {
      const found: { consumed?: unknown } | undefined = await find(value)
      return found?.consumed ? 'used' : undefined
    }
    const end = await locks.aloneOr<'used' | 'done'>(hash('sha256', value, 'base64url'), isUsed, async () => {
      const mark = await withMarksLast(ctx, handler)
      await mark()
      return 'done'
    })
    // Refused as what is used is.
    if (end === 'used') await handler(ctx)
  }
}
