package db

// The scripts each change one key. Those that only shorten what is there may run
// when Redis is out of memory (allow-oom, since Redis 7): a full store must still
// be able to end sessions, and to let go on those that it has.

// createScript stores a session that is not there: ARGV has the milliseconds to
// keep it, then fields and values.
var createScript = newScript("EVALSHA create session:$realm:$hash", `#!lua
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`)

// slideScript moves the idle end of a session that is alive to ARGV[1] at the time
// ARGV[2], and returns its fields.
var slideScript = newScript("EVALSHA slide session:$realm:$hash", `#!lua flags=allow-oom
local function fields()
	return redis.call('HMGET', KEYS[1], 'id', 'user', 'device', 'issued', 'expires', 'ends', 'remember', 'ended')
end
local now, row = tonumber(ARGV[2]), fields()
local expires, ends, ended = tonumber(row[5] or 0), tonumber(row[6] or 0), row[8]
if ended or expires <= now or ends <= now then return false end
redis.call('HSET', KEYS[1], 'expires', tonumber(ARGV[1]) > ends and row[6] or ARGV[1])
return fields()`)

// endScript deletes a session and leaves in its place when that was, until the
// session's absolute end. Deleting comes first: that alone ends it.
var endScript = newScript("EVALSHA end session:$realm:$hash", `#!lua flags=allow-oom
local left = redis.call('PTTL', KEYS[1])
if left == -2 or redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'ended', ARGV[1])
if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
return 1`)

// indexScript adds the session ARGV[1] of the time ARGV[2] to those of a user, to
// be kept for at least ARGV[3] ms, and returns all when they are more than ARGV[4].
var indexScript = newScript("EVALSHA index sessions:$realm:$user", `#!lua
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if redis.call('ZCARD', KEYS[1]) <= tonumber(ARGV[4]) then return {} end
return redis.call('ZRANGE', KEYS[1], 0, -1)`)

const (
	readSession  = "HMGET session:$realm:$hash"
	readIndex    = "ZRANGE sessions:$realm:$user"
	repairIndex  = "ZREM sessions:$realm:$user"
	unindexed    = 1 << 30 // more sessions than anybody has
	sessionSpace = "session:"
	indexSpace   = "sessions:"
)

// sessionFields are those of a session, in the order of redisRow.
var sessionFields = []string{"id", "user", "device", "issued", "expires", "ends", "remember", "ended"}

func sessionKey(realm, hash string) string { return sessionSpace + realm + ":" + hash }
func indexKey(realm, user string) string   { return indexSpace + realm + ":" + user }
