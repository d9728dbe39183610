package db

// A statement is the index of a prepared statement.
type statement int

const (
	findSession statement = iota
	listSessions
	insertSession
	evictSessions
	slideSession
	endSession
	endSessions
	deleteEnded
	deleteRealm
	insertToken
	spendToken
	findToken
	findFamily
	slideFamily
	endFamily
	deleteEndedTokens
	deleteRealmTokens
	findUser
	findMember
	findAccount
	insertUser
	insertAccount
	updateUser
	updateAccount
	findAccountInTx
	listAccounts
	deleteAccount
	keepTokens
	findPassword
	setPassword
	dropPassword
	deleteUser
	insertDeparted
	deleteDeparted
	setRole
	disableUser
	enableUser
	raiseEpoch
	findBench
	saveBench
	listBenches
	deleteBench
	deleteUsersOf
	statementCount
)

// The kinds of statements, as receipts count them. The kind also says on which
// pool a statement is prepared.
const (
	kindRead  = "read"
	kindWrite = "write"
	kindLook  = "look" // a read within a write transaction; counted as a read
)

// What sessionRow and userDest take in. A row that is being updated has no join in
// its RETURNING clause; sub-selects bring the user there without another read.
const (
	sessionColumns = `sessions.id, sessions.device, sessions.issued_at, sessions.expires_at, sessions.ends_at, sessions.remember, COALESCE(sessions.ended_at, 0)`
	userColumns    = `users.id, users.email, users.name, users.picture, users.role, users.epoch, users.disabled_at IS NOT NULL`
	accountColumns = `accounts.email, accounts.email_verified, NOT EXISTS (
			SELECT 1 FROM accounts AS earlier WHERE earlier.user_id = accounts.user_id AND earlier.place < accounts.place)`
	userOfSession = `user_id,
		(SELECT email FROM users WHERE users.id = user_id),
		(SELECT name FROM users WHERE users.id = user_id),
		(SELECT picture FROM users WHERE users.id = user_id),
		(SELECT role FROM users WHERE users.id = user_id),
		(SELECT epoch FROM users WHERE users.id = user_id),
		(SELECT disabled_at IS NOT NULL FROM users WHERE users.id = user_id)`
)

// familyOfToken is the family of the token with hash $1 in realm $2.
const familyOfToken = `(
			SELECT family FROM refresh_tokens WHERE refresh_tokens.hash = $1 AND refresh_tokens.realm = $2)`

// statements is every statement of the running program. Those of the schema
// stand in migrate.go.
var statements = [statementCount]struct{ kind, text string }{
	findSession: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `
		FROM sessions JOIN users ON users.id = user_id
		WHERE hash = $1 AND realm = $2`},
	listSessions: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `
		FROM sessions JOIN users ON users.id = user_id
		WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $3 AND ends_at > $3
		ORDER BY issued_at DESC, sessions.id`},
	insertSession: {kindWrite, `
		INSERT INTO sessions (hash, realm, id, user_id, device, issued_at, expires_at, ends_at, remember, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`},
	// SQLite wants a LIMIT before an OFFSET.
	evictSessions: {kindWrite, `
		UPDATE sessions SET ended_at = $4 WHERE hash IN (
			SELECT hash FROM sessions
			WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $4 AND ends_at > $4 AND hash <> $3
			ORDER BY issued_at DESC, hash LIMIT 1000000 OFFSET $5)`},
	slideSession: {kindWrite, `
		UPDATE sessions SET expires_at = CASE WHEN ends_at < $3 THEN ends_at ELSE $3 END
		WHERE hash = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $4 AND ends_at > $4
		RETURNING ` + sessionColumns + `, ` + userOfSession},
	endSession: {kindWrite, `
		UPDATE sessions SET ended_at = $3 WHERE hash = $1 AND realm = $2 AND ended_at IS NULL`},
	endSessions: {kindWrite, `
		UPDATE sessions SET ended_at = $3
		WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $3 AND ends_at > $3
			AND issued_at <= $3 AND ($4 = '' OR id = $4) AND id <> $5`},
	deleteEnded: {kindWrite, `
		DELETE FROM sessions WHERE hash IN (
			SELECT hash FROM sessions WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)`},
	deleteRealm: {kindWrite, `
		DELETE FROM sessions WHERE realm = $1 OR (realm >= $2 AND realm < $3)`},

	insertToken: {kindWrite, `
		INSERT INTO refresh_tokens (hash, realm, family, expires_at, ends_at) VALUES ($1, $2, $3, $4, $5)`},
	spendToken: {kindWrite, `
		UPDATE refresh_tokens SET used_at = $3, successor = $4
		WHERE hash = $1 AND realm = $2 AND used_at IS NULL AND expires_at > $3 AND EXISTS (
			SELECT 1 FROM sessions JOIN users ON users.id = user_id
			WHERE sessions.id = family AND sessions.realm = $2 AND sessions.ended_at IS NULL
				AND sessions.expires_at > $3 AND sessions.ends_at > $3 AND users.disabled_at IS NULL)`},
	findToken: {kindLook, `
		SELECT ` + sessionColumns + `, ` + userColumns + `,
			COALESCE(refresh_tokens.used_at, 0), refresh_tokens.expires_at, COALESCE(refresh_tokens.successor, '')
		FROM refresh_tokens
		JOIN sessions ON sessions.id = family AND sessions.realm = refresh_tokens.realm
		JOIN users ON users.id = user_id
		WHERE refresh_tokens.hash = $1 AND refresh_tokens.realm = $2`},
	findFamily: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `
		FROM refresh_tokens
		JOIN sessions ON sessions.id = family AND sessions.realm = refresh_tokens.realm
		JOIN users ON users.id = user_id
		WHERE refresh_tokens.hash = $1 AND refresh_tokens.realm = $2`},
	slideFamily: {kindWrite, `
		UPDATE sessions SET expires_at = CASE WHEN ends_at < $3 THEN ends_at ELSE $3 END
		WHERE id = ` + familyOfToken + ` AND realm = $2
		RETURNING ` + sessionColumns + `, ` + userOfSession},
	endFamily: {kindWrite, `
		UPDATE sessions SET ended_at = $3
		WHERE id = ` + familyOfToken + ` AND realm = $2 AND ended_at IS NULL`},
	deleteEndedTokens: {kindWrite, `
		DELETE FROM refresh_tokens WHERE hash IN (
			SELECT hash FROM refresh_tokens WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)`},
	deleteRealmTokens: {kindWrite, `
		DELETE FROM refresh_tokens WHERE realm = $1 OR (realm >= $2 AND realm < $3)`},

	findUser: {kindRead, `
		SELECT ` + userColumns + ` FROM users WHERE users.id = $1`},
	findMember: {kindRead, `
		SELECT ` + userColumns + `, users.created_at FROM users WHERE users.id = $1`},
	findAccount: {kindRead, `
		SELECT ` + accountColumns + `, ` + userColumns + `
		FROM accounts JOIN users ON users.id = accounts.user_id
		WHERE accounts.issuer = $1 AND accounts.subject = $2`},
	findAccountInTx: {kindLook, `
		SELECT ` + accountColumns + `, ` + userColumns + `
		FROM accounts JOIN users ON users.id = accounts.user_id
		WHERE accounts.issuer = $1 AND accounts.subject = $2`},
	listAccounts: {kindRead, `
		SELECT provider, issuer, subject, email, created_at, COALESCE(tokens, '')
		FROM accounts WHERE user_id = $1 ORDER BY place`},
	insertUser: {kindWrite, `
		INSERT INTO users (id, email, email_verified, name, picture, role, epoch, password_hash, created_at, updated_at)
		SELECT $1, $2, $3, $4, $5, $6, 0, $8, $7, $7 WHERE NOT EXISTS (SELECT 1 FROM departed WHERE departed.id = $1)
		ON CONFLICT (id) DO NOTHING`},
	// One account of a provider for each user, and each account for one user:
	// whatever conflicts is not inserted.
	insertAccount: {kindWrite, `
		INSERT INTO accounts (issuer, subject, provider, user_id, email, email_verified, created_at, place)
		SELECT $1, $2, $3, $4, $5, $6, $7, (SELECT COALESCE(MAX(place) + 1, 0) FROM accounts WHERE user_id = $4)
		WHERE EXISTS (SELECT 1 FROM users WHERE id = $4)
		ON CONFLICT DO NOTHING`},
	deleteAccount: {kindWrite, `
		DELETE FROM accounts WHERE user_id = $1 AND provider = $2 AND EXISTS (
			SELECT 1 FROM accounts AS other WHERE other.user_id = $1 AND other.provider <> $2)`},
	keepTokens: {kindWrite, `
		UPDATE accounts SET tokens = $3 WHERE issuer = $1 AND subject = $2`},
	findPassword: {kindRead, `
		SELECT COALESCE(users.password_hash, ''), ` + userColumns + `
		FROM accounts JOIN users ON users.id = accounts.user_id
		WHERE accounts.issuer = $1 AND accounts.subject = $2`},
	setPassword: {kindWrite, `
		UPDATE users SET password_hash = $2, epoch = epoch + 1, updated_at = $3 WHERE id = $1`},
	dropPassword: {kindWrite, `
		UPDATE users SET password_hash = NULL, updated_at = $2 WHERE id = $1`},
	deleteUser: {kindWrite, `
		DELETE FROM users WHERE id = $1`},
	insertDeparted: {kindWrite, `
		INSERT INTO departed (id, until) VALUES ($1, $2)
		ON CONFLICT (id) DO NOTHING`},
	deleteDeparted: {kindWrite, `
		DELETE FROM departed WHERE id IN (
			SELECT id FROM departed WHERE until <= $1 ORDER BY until LIMIT $2)`},
	updateUser: {kindWrite, `
		UPDATE users SET email = $2, email_verified = $3, name = $4, picture = $5, updated_at = $6 WHERE id = $1`},
	updateAccount: {kindWrite, `
		UPDATE accounts SET email = $3, email_verified = $4 WHERE issuer = $1 AND subject = $2`},
	setRole: {kindWrite, `
		UPDATE users SET role = $2, updated_at = $3 WHERE id = $1`},
	disableUser: {kindWrite, `
		UPDATE users SET disabled_at = COALESCE(disabled_at, $2), epoch = epoch + 1, updated_at = $2 WHERE id = $1`},
	enableUser: {kindWrite, `
		UPDATE users SET disabled_at = NULL, updated_at = $2 WHERE id = $1`},

	raiseEpoch: {kindWrite, `
		UPDATE users SET epoch = epoch + 1, updated_at = $2 WHERE id = $1`},

	findBench: {kindRead, `
		SELECT data FROM benches WHERE id = $1`},
	saveBench: {kindWrite, `
		INSERT INTO benches (id, data, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at`},
	listBenches: {kindRead, `
		SELECT id, updated_at FROM benches`},
	deleteBench: {kindWrite, `
		DELETE FROM benches WHERE id = $1`},
	deleteUsersOf: {kindWrite, `
		DELETE FROM users WHERE id IN (SELECT user_id FROM accounts WHERE issuer = $1)`},
}
