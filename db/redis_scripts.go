package db

// Each script changes one key. Scripts that add no session may run when Redis is out of
// memory (allow-oom, since Redis 7): a full store must still be able to end and to extend
// the sessions that it has.

// createScript stores a session that is not there, as pending: ARGV has the
// milliseconds to wait for its confirmation, then fields and values.
var createScript = newScript("EVALSHA create session:$realm:$hash", `#!lua
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'pending', 1, unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`)

// confirmScript confirms a pending session, which is then kept for ARGV[1] ms, in the
// list of generation ARGV[2]. It returns 0 if somebody ended the session meanwhile, and
// nothing if there is no session. It is idempotent.
var confirmScript = newScript("EVALSHA confirm session:$realm:$hash", `#!lua
if redis.call('HEXISTS', KEYS[1], 'id') == 0 then
	return redis.call('HEXISTS', KEYS[1], 'ended') == 1 and 0 or false
end
redis.call('HDEL', KEYS[1], 'pending')
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'list', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`)

// slideScript moves the idle end of a session that is alive to ARGV[1] at the time
// ARGV[2], and returns its fields.
var slideScript = newScript("EVALSHA slide session:$realm:$hash", `#!lua flags=allow-oom
local function fields()
	return redis.call('HMGET', KEYS[1], 'id', 'user', 'device', 'issued', 'expires', 'ends', 'remember', 'ended', 'pending', 'list')
end
local now, row = tonumber(ARGV[2]), fields()
local expires, ends, ended = tonumber(row[5] or 0), tonumber(row[6] or 0), row[8]
if ended or row[9] or expires <= now or ends <= now then return false end
redis.call('HSET', KEYS[1], 'expires', tonumber(ARGV[1]) > ends and row[6] or ARGV[1])
return fields()`)

// endScript deletes a session and stores the time of deletion in its place, until the
// session's absolute end. Deleting comes first: that alone ends it.
var endScript = newScript("EVALSHA end session:$realm:$hash", `#!lua flags=allow-oom
local left = redis.call('PTTL', KEYS[1])
if left == -2 or redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'ended', ARGV[1])
if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
return 1`)

// indexScript adds the session ARGV[1] to a user's list, which is then kept for at least
// ARGV[2] ms. It returns the generation of the list, followed by all sessions in it, oldest
// first, if they are more than ARGV[3]. If there is no list, or if ARGV[5] is 1 and the
// list has no generation, it begins a list of the generation ARGV[4]; if that is empty it
// returns nothing.
var indexScript = newScript("EVALSHA index sessions:$realm:$user", `#!lua
local function score(at) return tonumber(redis.call('ZRANGE', KEYS[1], at, at, 'WITHSCORES')[2]) end
local generation = redis.call('ZRANGE', KEYS[1], 0, 0, 'BYSCORE')[1] or ''
if redis.call('EXISTS', KEYS[1]) == 0 or generation == '' and ARGV[5] == '1' then
	generation = ARGV[4]
	if generation == '' then return false end
	redis.call('DEL', KEYS[1])
	redis.call('ZADD', KEYS[1], 0, generation)
end
redis.call('ZADD', KEYS[1], 'NX', math.max(score(-1), -score(0)) + 1, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if redis.call('ZCOUNT', KEYS[1], '(0', '+inf') <= tonumber(ARGV[3]) then return {generation} end
local all = redis.call('ZRANGE', KEYS[1], '(0', '+inf', 'BYSCORE')
table.insert(all, 1, generation)
return all`)

// retireScript records in a user's list that the sessions ARGV[2] and following are over.
// Of the sessions that are, it removes the oldest beyond ARGV[1] and returns them.
var retireScript = newScript("EVALSHA retire sessions:$realm:$user", `#!lua flags=allow-oom
for i = 2, #ARGV do
	local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 0)
	if score > 0 then redis.call('ZADD', KEYS[1], -score, ARGV[i]) end
end
local excess = redis.call('ZCOUNT', KEYS[1], '-inf', '(0') - tonumber(ARGV[1])
if excess <= 0 then return {} end
local oldest = redis.call('ZRANGE', KEYS[1], '(0', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, math.min(excess, 1000))
redis.call('ZREM', KEYS[1], unpack(oldest))
return oldest`)

const (
	readSession  = "HMGET session:$realm:$hash"
	readIndex    = "ZRANGE sessions:$realm:$user"
	dropSession  = "UNLINK session:$realm:$hash"
	unlimited    = 1 << 30 // more sessions than anybody has
	sessionSpace = "session:"
	indexSpace   = "sessions:"
)

// sessionFields are those of a session, in the order of redisRow.
var sessionFields = []string{"id", "user", "device", "issued", "expires", "ends", "remember", "ended", "pending", "list"}

func sessionKey(realm, hash string) string { return sessionSpace + realm + ":" + hash }
func indexKey(realm, user string) string   { return indexSpace + realm + ":" + user }
