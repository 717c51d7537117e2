import { GigasttError } from "../../../shared/errors.ts";
import type { RedisLink } from "./link.ts";

/**
 * What must still be true when a change is written. `version`: of the job that was read. `equals`: a text that was read. `atMost`: a counter plus what
 * is added stays within a limit.
 */
export type Requirement =
  | readonly [kind: "version", key: string, version: string]
  | readonly [kind: "equals", key: string, text: string]
  | readonly [kind: "atMost", key: string, field: string, added: string, limit: string];

/**
 * A command of Redis, or one that the script adds. ENTER: an owner without work gets no credit for the time. EVENT: adds with the next number over all jobs. OWNER: brings
 * the list of busy owners and the life of the owner's record up to date. CLOCK: the virtual time is at most so far behind this owner's, and moves with audio that was recognised.
 */
export type Command = readonly string[];

export interface Change {
  readonly require: readonly Requirement[];
  readonly run: readonly Command[];
}

/** Applies a change in one step. Returns -1 when it was applied, else the index of what was not true. */
export async function apply(link: RedisLink, change: Change): Promise<number> {
  const answer = await link.evaluate(SCRIPT, [link.key("")], JSON.stringify({ ...change, prefix: link.key("") }));
  if (typeof answer === "number") return answer - 1;
  throw new GigasttError("GST_STORE_IO", "Redis answered the job store with something that is not a number");
}

/** How long the record of an owner without jobs is kept: its audio of the day counts. */
const OWNER_S = 2 * 86_400;

// One script for every change: what it does is decided in TypeScript, from rows whose version is checked here.
const SCRIPT = `
local plan = cjson.decode(ARGV[1])
local function key(name) return plan.prefix .. name end
for index, need in ipairs(plan.require) do
  local kind, holds = need[1], false
  if kind == 'version' then holds = (redis.call('HGET', need[2], 'v') or '0') == need[3]
  elseif kind == 'equals' then holds = (redis.call('GET', need[2]) or '') == need[3]
  else holds = tonumber(redis.call('HGET', need[2], need[3]) or '0') + tonumber(need[4]) <= tonumber(need[5]) end
  if not holds then return index end
end
local function raise(hash, field, value)
  if tonumber(redis.call('HGET', hash, field) or '0') < tonumber(value) then redis.call('HSET', hash, field, value) end
end
for _, command in ipairs(plan.run) do
  local name, owner = command[1], command[2]
  if name == 'EVENT' then
    local seq = redis.call('HINCRBY', key('totals'), 'seq', 1)
    redis.call('XADD', owner, 'MAXLEN', '~', 1000, seq .. '-1', 'e', command[3])
  elseif name == 'ENTER' then
    if tonumber(redis.call('HGET', key('owner:' .. owner), 'runs') or '0') == 0 then
      raise(key('owner:' .. owner), 'virtual', redis.call('HGET', key('totals'), 'clock') or '0')
    end
  elseif name == 'CLOCK' then
    raise(key('totals'), 'clock', tostring(tonumber(redis.call('HGET', key('owner:' .. owner), 'virtual') or '0') - tonumber(command[3])))
    redis.call('HINCRBYFLOAT', key('totals'), 'clock', tonumber(command[4]) / math.max(1, redis.call('ZCARD', key('busy'))))
  elseif name == 'OWNER' then
    local record = key('owner:' .. owner)
    if tonumber(redis.call('HGET', record, 'runs') or '0') > 0 then
      redis.call('ZADD', key('busy'), redis.call('HGET', record, 'virtual') or '0', owner)
    else redis.call('ZREM', key('busy'), owner) end
    if tonumber(redis.call('HGET', record, 'jobs') or '0') > 0 then redis.call('PERSIST', record)
    else redis.call('EXPIRE', record, ${OWNER_S}) end
  else redis.call(unpack(command)) end
end
return 0
`;
