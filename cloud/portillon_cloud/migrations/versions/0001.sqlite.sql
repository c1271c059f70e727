CREATE TABLE failed_sign_in (
	id INTEGER NOT NULL,
	subject TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	CONSTRAINT pk_failed_sign_in PRIMARY KEY (id)
)

CREATE INDEX ix_failed_sign_in_at ON failed_sign_in (at_ms)

CREATE INDEX ix_failed_sign_in_subject ON failed_sign_in (subject, at_ms)

CREATE TABLE organisation (
	id INTEGER NOT NULL,
	mode TEXT NOT NULL,
	name TEXT NOT NULL,
	country TEXT NOT NULL,
	province TEXT,
	language TEXT NOT NULL,
	time_zone TEXT NOT NULL,
	created_at_real_ms INTEGER NOT NULL,
	CONSTRAINT pk_organisation PRIMARY KEY (id),
	CONSTRAINT uq_organisation_id_mode UNIQUE (id, mode),
	CONSTRAINT ck_organisation_mode_known CHECK (mode IN ('live', 'test')),
	CONSTRAINT ck_organisation_language_known CHECK (language IN ('en', 'fr'))
)

CREATE TRIGGER organisation_mode_fixed BEFORE UPDATE OF mode ON organisation WHEN OLD.mode IS NOT NEW.mode BEGIN SELECT RAISE(ABORT, 'organisation.mode never changes once written'); END

CREATE TABLE sim_charge (
	id INTEGER NOT NULL,
	idempotency_key TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	token TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	outcome TEXT NOT NULL,
	code TEXT,
	made_at_ms INTEGER NOT NULL,
	settles_at_ms INTEGER,
	settles_as TEXT,
	settles_code TEXT,
	CONSTRAINT pk_sim_charge PRIMARY KEY (id),
	CONSTRAINT uq_sim_charge_idempotency_key UNIQUE (idempotency_key)
)

CREATE TABLE sim_refund (
	id INTEGER NOT NULL,
	idempotency_key TEXT NOT NULL,
	charge_key TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_sim_refund PRIMARY KEY (id),
	CONSTRAINT uq_sim_refund_idempotency_key UNIQUE (idempotency_key)
)

CREATE INDEX ix_sim_refund_charge_key ON sim_refund (charge_key)

CREATE TABLE alarm_acknowledgement (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	at_real_ms INTEGER,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	note TEXT NOT NULL,
	is_over BOOLEAN NOT NULL,
	CONSTRAINT pk_alarm_acknowledgement PRIMARY KEY (id),
	CONSTRAINT fk_alarm_acknowledgement_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER alarm_acknowledgement_no_update BEFORE UPDATE ON alarm_acknowledgement BEGIN SELECT RAISE(ABORT, 'alarm_acknowledgement rows never change: record a correction as a new row'); END

CREATE TRIGGER alarm_acknowledgement_no_delete BEFORE DELETE ON alarm_acknowledgement BEGIN SELECT RAISE(ABORT, 'alarm_acknowledgement rows never change: record a correction as a new row'); END

CREATE TABLE answered_request (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	key_hash TEXT NOT NULL,
	content_hash TEXT NOT NULL,
	asked_at_real_ms INTEGER NOT NULL,
	answer TEXT,
	CONSTRAINT pk_answered_request PRIMARY KEY (id),
	CONSTRAINT uq_answered_request_organisation_id_key_hash UNIQUE (organisation_id, key_hash),
	CONSTRAINT fk_answered_request_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_answered_request_organisation_id_asked_at_real_ms ON answered_request (organisation_id, asked_at_real_ms)

CREATE TRIGGER answered_request_content_hash_fixed BEFORE UPDATE OF content_hash ON answered_request WHEN OLD.content_hash IS NOT NEW.content_hash BEGIN SELECT RAISE(ABORT, 'answered_request.content_hash never changes once written'); END

CREATE TABLE api_key (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	key_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	revoked_ms INTEGER,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT ck_api_key_role_known CHECK (role IN ('owner', 'desk', 'technician')),
	CONSTRAINT fk_api_key_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT uq_api_key_key_hash UNIQUE (key_hash)
)

CREATE INDEX ix_api_key_organisation ON api_key (organisation_id, id)

CREATE TABLE audit_run (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	ran_at_ms INTEGER NOT NULL,
	checks INTEGER NOT NULL,
	found INTEGER NOT NULL,
	CONSTRAINT pk_audit_run PRIMARY KEY (id),
	CONSTRAINT fk_audit_run_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_audit_run_organisation_id ON audit_run (organisation_id, id)

CREATE TRIGGER audit_run_no_update BEFORE UPDATE ON audit_run BEGIN SELECT RAISE(ABORT, 'audit_run rows never change: record a correction as a new row'); END

CREATE TRIGGER audit_run_no_delete BEFORE DELETE ON audit_run BEGIN SELECT RAISE(ABORT, 'audit_run rows never change: record a correction as a new row'); END

CREATE TABLE clock_job (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	mode TEXT DEFAULT 'test' NOT NULL,
	target_ms INTEGER NOT NULL,
	rate_after INTEGER NOT NULL,
	state TEXT NOT NULL,
	steps INTEGER DEFAULT '0' NOT NULL,
	error TEXT,
	CONSTRAINT pk_clock_job PRIMARY KEY (id),
	CONSTRAINT fk_clock_job_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_clock_job_test_only CHECK (mode = 'test'),
	CONSTRAINT ck_clock_job_state_known CHECK (state IN ('running', 'done'))
)

CREATE UNIQUE INDEX uq_clock_job_running ON clock_job (organisation_id) WHERE state = 'running'

CREATE TABLE contract_template (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	law TEXT NOT NULL,
	language TEXT NOT NULL,
	version INTEGER NOT NULL,
	body TEXT NOT NULL,
	made_at_ms INTEGER NOT NULL,
	made_by TEXT NOT NULL,
	CONSTRAINT pk_contract_template PRIMARY KEY (id),
	CONSTRAINT uq_contract_template_organisation_id_law_language_version UNIQUE (organisation_id, law, language, version),
	CONSTRAINT ck_contract_template_law_known CHECK (law IN ('ca-qc', 'fr', 'none')),
	CONSTRAINT ck_contract_template_language_known CHECK (language IN ('en', 'fr')),
	CONSTRAINT fk_contract_template_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER contract_template_no_update BEFORE UPDATE ON contract_template BEGIN SELECT RAISE(ABORT, 'contract_template rows never change: record a correction as a new row'); END

CREATE TRIGGER contract_template_no_delete BEFORE DELETE ON contract_template BEGIN SELECT RAISE(ABORT, 'contract_template rows never change: record a correction as a new row'); END

CREATE TABLE coupon (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	share_ppm INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	cycles INTEGER,
	waives_joining BOOLEAN NOT NULL,
	plans JSON,
	valid_until_on DATE,
	uses_most INTEGER,
	member_uses_most INTEGER NOT NULL,
	active BOOLEAN DEFAULT 1 NOT NULL,
	made_at_ms INTEGER NOT NULL,
	made_by TEXT NOT NULL,
	CONSTRAINT pk_coupon PRIMARY KEY (id),
	CONSTRAINT uq_coupon_organisation_id_code UNIQUE (organisation_id, code),
	CONSTRAINT ck_coupon_not_negative CHECK (share_ppm BETWEEN 0 AND 1000000 AND amount_minor >= 0),
	CONSTRAINT fk_coupon_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE desk_policy (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_desk_policy PRIMARY KEY (id),
	CONSTRAINT uq_desk_policy_organisation_id UNIQUE (organisation_id),
	CONSTRAINT fk_desk_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE dunning_policy (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_dunning_policy PRIMARY KEY (id),
	CONSTRAINT uq_dunning_policy_organisation_id UNIQUE (organisation_id),
	CONSTRAINT fk_dunning_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE forecast_policy (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_forecast_policy PRIMARY KEY (id),
	CONSTRAINT uq_forecast_policy_organisation_id UNIQUE (organisation_id),
	CONSTRAINT fk_forecast_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE fraud_policy (
	organisation_id INTEGER NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_fraud_policy PRIMARY KEY (organisation_id),
	CONSTRAINT fk_fraud_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE inbox_event (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	provider TEXT NOT NULL,
	event_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	topic TEXT NOT NULL,
	object_id TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	received_at_real_ms INTEGER NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	retry_at_real_ms INTEGER NOT NULL,
	error TEXT,
	CONSTRAINT pk_inbox_event PRIMARY KEY (id),
	CONSTRAINT ck_inbox_event_topic_known CHECK (topic IN ('charge', 'refund', 'dispute', 'method', 'other')),
	CONSTRAINT ck_inbox_event_state_known CHECK (state IN ('waiting', 'done', 'ignored', 'parked')),
	CONSTRAINT uq_inbox_event_organisation_id_provider_event_id UNIQUE (organisation_id, provider, event_id),
	CONSTRAINT fk_inbox_event_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_inbox_event_created ON inbox_event (organisation_id, created_s)

CREATE INDEX ix_inbox_event_object ON inbox_event (organisation_id, provider, object_id)

CREATE INDEX ix_inbox_event_parked ON inbox_event (organisation_id) WHERE state = 'parked'

CREATE INDEX ix_inbox_event_waiting ON inbox_event (retry_at_real_ms, id) WHERE state = 'waiting'

CREATE TABLE inbox_source (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	provider TEXT NOT NULL,
	heard_until_s INTEGER NOT NULL,
	sweep_at_real_ms INTEGER NOT NULL,
	error TEXT,
	CONSTRAINT pk_inbox_source PRIMARY KEY (id),
	CONSTRAINT uq_inbox_source_organisation_id_provider UNIQUE (organisation_id, provider),
	CONSTRAINT fk_inbox_source_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_inbox_source_sweep_at ON inbox_source (sweep_at_real_ms)

CREATE TABLE ledger_entry (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	occurred_on DATE NOT NULL,
	recorded_at_ms INTEGER NOT NULL,
	kind TEXT NOT NULL,
	source TEXT NOT NULL,
	CONSTRAINT pk_ledger_entry PRIMARY KEY (id),
	CONSTRAINT uq_ledger_entry_organisation_id_kind_source UNIQUE (organisation_id, kind, source),
	CONSTRAINT uq_ledger_entry_organisation_id_legal_entity_id_currency_id UNIQUE (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT fk_ledger_entry_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER ledger_entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry rows never change: record a correction as a new row'); END

CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry rows never change: record a correction as a new row'); END

CREATE TABLE legal_entity (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	currency TEXT NOT NULL,
	tax_regime TEXT NOT NULL,
	tax_numbers JSON NOT NULL,
	payment_days INTEGER DEFAULT '0' NOT NULL,
	CONSTRAINT pk_legal_entity PRIMARY KEY (id),
	CONSTRAINT uq_legal_entity_organisation_id_id_currency UNIQUE (organisation_id, id, currency),
	CONSTRAINT ck_legal_entity_tax_regime_known CHECK (tax_regime IN ('ca-qc', 'at', 'be', 'bg', 'cy', 'cz', 'de', 'dk', 'ee', 'es', 'fi', 'fr', 'gr', 'hr', 'hu', 'ie', 'it', 'lt', 'lu', 'lv', 'mt', 'nl', 'pl', 'pt', 'ro', 'se', 'si', 'sk', 'none')),
	CONSTRAINT ck_legal_entity_currency_iso CHECK (length(currency) = 3),
	CONSTRAINT fk_legal_entity_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE provider_account (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	mode TEXT NOT NULL,
	provider TEXT NOT NULL,
	reference TEXT NOT NULL,
	publishable_key TEXT,
	secret_sealed BLOB NOT NULL,
	secret_last4 TEXT NOT NULL,
	webhook_secret_sealed BLOB,
	api_version TEXT NOT NULL,
	since_ms INTEGER NOT NULL,
	until_ms INTEGER,
	entered_by TEXT NOT NULL,
	CONSTRAINT pk_provider_account PRIMARY KEY (id),
	CONSTRAINT uq_provider_account_organisation_id_provider_reference UNIQUE (organisation_id, provider, reference),
	CONSTRAINT fk_provider_account_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_provider_account_ends_after_it_began CHECK (until_ms IS NULL OR until_ms >= since_ms),
	CONSTRAINT fk_provider_account_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE UNIQUE INDEX uq_provider_account_current ON provider_account (organisation_id, provider) WHERE until_ms IS NULL

CREATE TABLE referral_terms (
	organisation_id INTEGER NOT NULL,
	share_ppm INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	cycles INTEGER NOT NULL,
	CONSTRAINT pk_referral_terms PRIMARY KEY (organisation_id),
	CONSTRAINT fk_referral_terms_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE sharing_policy (
	organisation_id INTEGER NOT NULL,
	refuse_from INTEGER NOT NULL,
	CONSTRAINT pk_sharing_policy PRIMARY KEY (organisation_id),
	CONSTRAINT ck_sharing_policy_after_something CHECK (refuse_from >= 1),
	CONSTRAINT fk_sharing_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE sim_card (
	token TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	mode TEXT DEFAULT 'test' NOT NULL,
	behaviour TEXT NOT NULL,
	CONSTRAINT pk_sim_card PRIMARY KEY (token),
	CONSTRAINT fk_sim_card_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_sim_card_test_only CHECK (mode = 'test')
)

CREATE TABLE staff (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	language TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	CONSTRAINT pk_staff PRIMARY KEY (id),
	CONSTRAINT ck_staff_role_known CHECK (role IN ('owner', 'desk', 'technician')),
	CONSTRAINT fk_staff_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT uq_staff_email UNIQUE (email)
)

CREATE INDEX ix_staff_organisation ON staff (organisation_id, id)

CREATE TABLE test_clock (
	organisation_id INTEGER NOT NULL,
	mode TEXT DEFAULT 'test' NOT NULL,
	business_ms INTEGER NOT NULL,
	set_at_real_ms INTEGER NOT NULL,
	rate INTEGER NOT NULL,
	clock_rev INTEGER NOT NULL,
	CONSTRAINT pk_test_clock PRIMARY KEY (organisation_id),
	CONSTRAINT fk_test_clock_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_test_clock_test_only CHECK (mode = 'test'),
	CONSTRAINT ck_test_clock_rate_known CHECK (rate IN (0, 1))
)

CREATE TABLE timer (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	subject_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	due_at_ms INTEGER NOT NULL,
	retry_at_real_ms INTEGER NOT NULL,
	state TEXT NOT NULL,
	worker TEXT,
	lease_until_real_ms INTEGER,
	attempts INTEGER NOT NULL,
	error TEXT,
	CONSTRAINT pk_timer PRIMARY KEY (id),
	CONSTRAINT uq_timer_organisation_id_key UNIQUE (organisation_id, "key"),
	CONSTRAINT ck_timer_state_known CHECK (state IN ('ready', 'running', 'done', 'failed')),
	CONSTRAINT fk_timer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_timer_ready ON timer (organisation_id, due_at_ms) WHERE state = 'ready'

CREATE INDEX ix_timer_running ON timer (organisation_id, lease_until_real_ms) WHERE state = 'running'

CREATE TABLE webhook_endpoint (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	url TEXT NOT NULL,
	description TEXT NOT NULL,
	kinds JSON NOT NULL,
	secret_sealed BLOB NOT NULL,
	old_secret_sealed BLOB,
	old_secret_until_real_ms INTEGER,
	state TEXT NOT NULL,
	made_at_real_ms INTEGER NOT NULL,
	made_by TEXT NOT NULL,
	answered_at_real_ms INTEGER,
	failing_since_real_ms INTEGER,
	failures INTEGER DEFAULT '0' NOT NULL,
	last_error TEXT,
	off_at_real_ms INTEGER,
	tell_owners_at_real_ms INTEGER,
	CONSTRAINT pk_webhook_endpoint PRIMARY KEY (id),
	CONSTRAINT ck_webhook_endpoint_state_known CHECK (state IN ('active', 'paused', 'failing', 'gone', 'removed')),
	CONSTRAINT fk_webhook_endpoint_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_webhook_endpoint_organisation ON webhook_endpoint (organisation_id, id)

CREATE TABLE webhook_event (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	subject_id INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	CONSTRAINT pk_webhook_event PRIMARY KEY (id),
	CONSTRAINT ck_webhook_event_kind_known CHECK (kind IN ('member.created', 'subscription.started', 'subscription.changed', 'subscription.ended', 'invoice.issued', 'credit_note.issued', 'payment.succeeded', 'payment.failed', 'payment.action_required', 'payment.returned', 'dispute.opened', 'dispute.answered', 'dispute.closed', 'dispute.cleared', 'refund.paid', 'account.suspected', 'standing.changed', 'attendance.passage', 'endpoint.failing', 'endpoint.ping')),
	CONSTRAINT fk_webhook_event_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_webhook_event_organisation_id_at_ms ON webhook_event (organisation_id, at_ms)

CREATE TABLE account (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	kind TEXT DEFAULT 'person' NOT NULL,
	name TEXT NOT NULL,
	email TEXT,
	language TEXT NOT NULL,
	CONSTRAINT pk_account PRIMARY KEY (id),
	CONSTRAINT ck_account_kind_known CHECK (kind IN ('person', 'company')),
	CONSTRAINT ck_account_language_known CHECK (language IN ('en', 'fr')),
	CONSTRAINT fk_account_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_account_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_account_organisation_id_email ON account (organisation_id, email)

CREATE TABLE accounting_close (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	through_on DATE,
	closed_at_ms INTEGER NOT NULL,
	closed_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_accounting_close PRIMARY KEY (id),
	CONSTRAINT fk_accounting_close_organisation_id_legal_entity_id_currency FOREIGN KEY(organisation_id, legal_entity_id, currency) REFERENCES legal_entity (organisation_id, id, currency),
	CONSTRAINT fk_accounting_close_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_accounting_close_book ON accounting_close (legal_entity_id, id)

CREATE TRIGGER accounting_close_no_update BEFORE UPDATE ON accounting_close BEGIN SELECT RAISE(ABORT, 'accounting_close rows never change: record a correction as a new row'); END

CREATE TRIGGER accounting_close_no_delete BEFORE DELETE ON accounting_close BEGIN SELECT RAISE(ABORT, 'accounting_close rows never change: record a correction as a new row'); END

CREATE TABLE audit_finding (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	run_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	subject TEXT NOT NULL,
	facts JSON NOT NULL,
	CONSTRAINT pk_audit_finding PRIMARY KEY (id),
	CONSTRAINT fk_audit_finding_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_audit_finding_run_id FOREIGN KEY(run_id) REFERENCES audit_run (id)
)

CREATE INDEX ix_audit_finding_organisation_id ON audit_finding (organisation_id, id)

CREATE INDEX ix_audit_finding_run_id ON audit_finding (run_id)

CREATE TRIGGER audit_finding_no_update BEFORE UPDATE ON audit_finding BEGIN SELECT RAISE(ABORT, 'audit_finding rows never change: record a correction as a new row'); END

CREATE TRIGGER audit_finding_no_delete BEFORE DELETE ON audit_finding BEGIN SELECT RAISE(ABORT, 'audit_finding rows never change: record a correction as a new row'); END

CREATE TABLE bank_file (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	message_id TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	received_at_ms INTEGER NOT NULL,
	received_by TEXT NOT NULL,
	closing_on DATE,
	closing_minor INTEGER,
	body_sealed BLOB NOT NULL,
	CONSTRAINT pk_bank_file PRIMARY KEY (id),
	CONSTRAINT uq_bank_file_legal_entity_id_sha256 UNIQUE (legal_entity_id, sha256),
	CONSTRAINT ck_bank_file_kind_known CHECK (kind IN ('pain.002', 'pacs.004', 'camt.053', 'camt.054', 'mt940', 'csv')),
	CONSTRAINT fk_bank_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_file_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_bank_file_legal_entity_id ON bank_file (legal_entity_id)

CREATE TRIGGER bank_file_no_update BEFORE UPDATE ON bank_file BEGIN SELECT RAISE(ABORT, 'bank_file rows never change: record a correction as a new row'); END

CREATE TRIGGER bank_file_no_delete BEFORE DELETE ON bank_file BEGIN SELECT RAISE(ABORT, 'bank_file rows never change: record a correction as a new row'); END

CREATE TABLE ledger_account (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	code TEXT NOT NULL,
	kind TEXT NOT NULL,
	CONSTRAINT pk_ledger_account PRIMARY KEY (id),
	CONSTRAINT fk_ledger_account_organisation_id_legal_entity_id_currency FOREIGN KEY(organisation_id, legal_entity_id, currency) REFERENCES legal_entity (organisation_id, id, currency),
	CONSTRAINT uq_ledger_account_legal_entity_id_currency_code UNIQUE (legal_entity_id, currency, code),
	CONSTRAINT uq_ledger_account_organisation_id_legal_entity_id_currency_id UNIQUE (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT ck_ledger_account_kind_known CHECK (kind IN ('asset', 'liability', 'revenue', 'expense')),
	CONSTRAINT fk_ledger_account_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE number_series (
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	series TEXT NOT NULL,
	last_number INTEGER NOT NULL,
	last_issued_on DATE NOT NULL,
	CONSTRAINT pk_number_series PRIMARY KEY (legal_entity_id, series),
	CONSTRAINT fk_number_series_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_number_series_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE "plan" (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT DEFAULT 'membership' NOT NULL,
	zones JSON NOT NULL,
	schedule TEXT DEFAULT 'always' NOT NULL,
	sites JSON,
	visits JSON,
	CONSTRAINT pk_plan PRIMARY KEY (id),
	CONSTRAINT ck_plan_kind_known CHECK (kind IN ('membership', 'addon')),
	CONSTRAINT uq_plan_organisation_id_code UNIQUE (organisation_id, code),
	CONSTRAINT fk_plan_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_plan_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE provider_account_act (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	provider_account_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	secret_last4 TEXT NOT NULL,
	done_by TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	CONSTRAINT pk_provider_account_act PRIMARY KEY (id),
	CONSTRAINT ck_provider_account_act_kind_known CHECK (kind IN ('entered', 'new_keys', 'ended')),
	CONSTRAINT fk_provider_account_act_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_account_act_provider_account_id FOREIGN KEY(provider_account_id) REFERENCES provider_account (id)
)

CREATE INDEX ix_provider_account_act_provider_account_id ON provider_account_act (provider_account_id)

CREATE TRIGGER provider_account_act_no_update BEFORE UPDATE ON provider_account_act BEGIN SELECT RAISE(ABORT, 'provider_account_act rows never change: record a correction as a new row'); END

CREATE TRIGGER provider_account_act_no_delete BEFORE DELETE ON provider_account_act BEGIN SELECT RAISE(ABORT, 'provider_account_act rows never change: record a correction as a new row'); END

CREATE TABLE provider_payout (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	provider TEXT NOT NULL,
	reference TEXT NOT NULL,
	arrives_on DATE NOT NULL,
	amount_minor INTEGER NOT NULL,
	fees_minor INTEGER NOT NULL,
	by_hand BOOLEAN NOT NULL,
	currency TEXT NOT NULL,
	told_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_provider_payout PRIMARY KEY (id),
	CONSTRAINT uq_provider_payout_organisation_id_provider_reference UNIQUE (organisation_id, provider, reference),
	CONSTRAINT fk_provider_payout_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_payout_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_provider_payout_legal_entity_id ON provider_payout (legal_entity_id)

CREATE TRIGGER provider_payout_no_update BEFORE UPDATE ON provider_payout BEGIN SELECT RAISE(ABORT, 'provider_payout rows never change: record a correction as a new row'); END

CREATE TRIGGER provider_payout_no_delete BEFORE DELETE ON provider_payout BEGIN SELECT RAISE(ABORT, 'provider_payout rows never change: record a correction as a new row'); END

CREATE TABLE run_stop (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	stopped_on DATE NOT NULL,
	raised_at_ms INTEGER NOT NULL,
	leavings JSON NOT NULL,
	figures JSON NOT NULL,
	CONSTRAINT pk_run_stop PRIMARY KEY (id),
	CONSTRAINT fk_run_stop_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_run_stop_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_run_stop_legal_entity_id ON run_stop (legal_entity_id)

CREATE TRIGGER run_stop_no_update BEFORE UPDATE ON run_stop BEGIN SELECT RAISE(ABORT, 'run_stop rows never change: record a correction as a new row'); END

CREATE TRIGGER run_stop_no_delete BEFORE DELETE ON run_stop BEGIN SELECT RAISE(ABORT, 'run_stop rows never change: record a correction as a new row'); END

CREATE TABLE seller_particulars (
	legal_entity_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	address TEXT NOT NULL,
	contact TEXT NOT NULL,
	permit TEXT,
	mediator TEXT,
	places JSON DEFAULT '{}' NOT NULL,
	CONSTRAINT pk_seller_particulars PRIMARY KEY (legal_entity_id),
	CONSTRAINT fk_seller_particulars_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_seller_particulars_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE sepa_creditor (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	creditor_id TEXT NOT NULL,
	iban TEXT NOT NULL,
	notice_days INTEGER NOT NULL,
	file_days INTEGER NOT NULL,
	set_at_ms INTEGER NOT NULL,
	set_by TEXT NOT NULL,
	CONSTRAINT pk_sepa_creditor PRIMARY KEY (id),
	CONSTRAINT uq_sepa_creditor_legal_entity_id UNIQUE (legal_entity_id),
	CONSTRAINT ck_sepa_creditor_notice_days_meant CHECK (notice_days BETWEEN 1 AND 60),
	CONSTRAINT ck_sepa_creditor_file_days_meant CHECK (file_days BETWEEN 1 AND 14),
	CONSTRAINT fk_sepa_creditor_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_creditor_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE sepa_file (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	number INTEGER NOT NULL,
	message_id TEXT NOT NULL,
	made_at_ms INTEGER NOT NULL,
	made_by TEXT NOT NULL,
	orders INTEGER NOT NULL,
	total_minor INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	body_sealed BLOB NOT NULL,
	CONSTRAINT pk_sepa_file PRIMARY KEY (id),
	CONSTRAINT uq_sepa_file_legal_entity_id_number UNIQUE (legal_entity_id, number),
	CONSTRAINT ck_sepa_file_kind_known CHECK (kind IN ('debits', 'refunds')),
	CONSTRAINT fk_sepa_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_file_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT uq_sepa_file_message_id UNIQUE (message_id)
)

CREATE TRIGGER sepa_file_no_update BEFORE UPDATE ON sepa_file BEGIN SELECT RAISE(ABORT, 'sepa_file rows never change: record a correction as a new row'); END

CREATE TRIGGER sepa_file_no_delete BEFORE DELETE ON sepa_file BEGIN SELECT RAISE(ABORT, 'sepa_file rows never change: record a correction as a new row'); END

CREATE TABLE site (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	time_zone TEXT NOT NULL,
	language TEXT NOT NULL,
	zones JSON NOT NULL,
	policy JSON NOT NULL,
	CONSTRAINT pk_site PRIMARY KEY (id),
	CONSTRAINT ck_site_language_known CHECK (language IN ('en', 'fr')),
	CONSTRAINT fk_site_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_site_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE staff_session (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	staff_id INTEGER NOT NULL,
	token_hash TEXT NOT NULL,
	started_ms INTEGER NOT NULL,
	seen_ms INTEGER NOT NULL,
	ends_ms INTEGER NOT NULL,
	CONSTRAINT pk_staff_session PRIMARY KEY (id),
	CONSTRAINT fk_staff_session_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_staff_session_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id),
	CONSTRAINT uq_staff_session_token_hash UNIQUE (token_hash)
)

CREATE INDEX ix_staff_session_ends ON staff_session (ends_ms)

CREATE INDEX ix_staff_session_staff_id ON staff_session (staff_id)

CREATE TABLE taking_chain (
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	open_on DATE NOT NULL,
	last_number INTEGER NOT NULL,
	last_hash TEXT NOT NULL,
	perpetual_minor INTEGER NOT NULL,
	closure_number INTEGER NOT NULL,
	closure_hash TEXT NOT NULL,
	CONSTRAINT pk_taking_chain PRIMARY KEY (legal_entity_id),
	CONSTRAINT fk_taking_chain_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_taking_chain_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE taking_closure (
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	kind TEXT NOT NULL,
	first_on DATE NOT NULL,
	count INTEGER NOT NULL,
	total_minor INTEGER NOT NULL,
	perpetual_minor INTEGER NOT NULL,
	last_number INTEGER NOT NULL,
	last_hash TEXT NOT NULL,
	previous_hash TEXT NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT pk_taking_closure PRIMARY KEY (legal_entity_id, number),
	CONSTRAINT uq_taking_closure_legal_entity_id_kind_first_on UNIQUE (legal_entity_id, kind, first_on),
	CONSTRAINT ck_taking_closure_kind_known CHECK (kind IN ('day', 'month', 'year')),
	CONSTRAINT fk_taking_closure_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_taking_closure_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TRIGGER taking_closure_no_update BEFORE UPDATE ON taking_closure BEGIN SELECT RAISE(ABORT, 'taking_closure rows never change: record a correction as a new row'); END

CREATE TRIGGER taking_closure_no_delete BEFORE DELETE ON taking_closure BEGIN SELECT RAISE(ABORT, 'taking_closure rows never change: record a correction as a new row'); END

CREATE TABLE webhook_delivery (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	endpoint_id INTEGER NOT NULL,
	event_id INTEGER NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	retry_at_real_ms INTEGER NOT NULL,
	tried_at_real_ms INTEGER,
	status INTEGER,
	error TEXT,
	CONSTRAINT pk_webhook_delivery PRIMARY KEY (id),
	CONSTRAINT uq_webhook_delivery_endpoint_id_event_id UNIQUE (endpoint_id, event_id),
	CONSTRAINT ck_webhook_delivery_state_known CHECK (state IN ('waiting', 'sending', 'delivered', 'given_up')),
	CONSTRAINT fk_webhook_delivery_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_webhook_delivery_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoint (id),
	CONSTRAINT fk_webhook_delivery_event_id FOREIGN KEY(event_id) REFERENCES webhook_event (id)
)

CREATE INDEX ix_webhook_delivery_event_id ON webhook_delivery (event_id)

CREATE INDEX ix_webhook_delivery_to_send ON webhook_delivery (endpoint_id, retry_at_real_ms) WHERE state IN ('waiting', 'sending')

CREATE TABLE webhook_endpoint_act (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	endpoint_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	host TEXT NOT NULL,
	done_by TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	CONSTRAINT pk_webhook_endpoint_act PRIMARY KEY (id),
	CONSTRAINT ck_webhook_endpoint_act_kind_known CHECK (kind IN ('added', 'changed', 'paused', 'turned_on', 'new_secret', 'sent_again', 'removed')),
	CONSTRAINT fk_webhook_endpoint_act_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_webhook_endpoint_act_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoint (id)
)

CREATE INDEX ix_webhook_endpoint_act_endpoint_id ON webhook_endpoint_act (endpoint_id)

CREATE TRIGGER webhook_endpoint_act_no_update BEFORE UPDATE ON webhook_endpoint_act BEGIN SELECT RAISE(ABORT, 'webhook_endpoint_act rows never change: record a correction as a new row'); END

CREATE TRIGGER webhook_endpoint_act_no_delete BEFORE DELETE ON webhook_endpoint_act BEGIN SELECT RAISE(ABORT, 'webhook_endpoint_act rows never change: record a correction as a new row'); END

CREATE TABLE bank_answer (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	bank_file_id INTEGER NOT NULL,
	debit_key TEXT,
	batch TEXT,
	said TEXT NOT NULL,
	code TEXT,
	amount_minor INTEGER,
	acted_at_ms INTEGER,
	CONSTRAINT pk_bank_answer PRIMARY KEY (id),
	CONSTRAINT ck_bank_answer_said_known CHECK (said IN ('paid', 'refused', 'returned', 'left', 'came_back')),
	CONSTRAINT ck_bank_answer_of_one_or_all CHECK ((debit_key IS NULL) <> (batch IS NULL)),
	CONSTRAINT fk_bank_answer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_answer_bank_file_id FOREIGN KEY(bank_file_id) REFERENCES bank_file (id)
)

CREATE INDEX ix_bank_answer_bank_file_id ON bank_answer (bank_file_id)

CREATE TRIGGER bank_answer_said_fixed BEFORE UPDATE OF said ON bank_answer WHEN OLD.said IS NOT NEW.said BEGIN SELECT RAISE(ABORT, 'bank_answer.said never changes once written'); END

CREATE TABLE bank_line (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	bank_file_id INTEGER NOT NULL,
	line_key TEXT NOT NULL,
	booked_on DATE NOT NULL,
	amount_minor INTEGER NOT NULL,
	fee_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	counterparty TEXT NOT NULL,
	text TEXT NOT NULL,
	debit_key TEXT,
	batch TEXT,
	code TEXT,
	CONSTRAINT pk_bank_line PRIMARY KEY (id),
	CONSTRAINT uq_bank_line_legal_entity_id_line_key UNIQUE (legal_entity_id, line_key),
	CONSTRAINT fk_bank_line_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_line_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_bank_line_bank_file_id FOREIGN KEY(bank_file_id) REFERENCES bank_file (id)
)

CREATE INDEX ix_bank_line_bank_file_id ON bank_line (bank_file_id)

CREATE INDEX ix_bank_line_legal_entity_id_booked_on ON bank_line (legal_entity_id, booked_on)

CREATE TRIGGER bank_line_no_update BEFORE UPDATE ON bank_line BEGIN SELECT RAISE(ABORT, 'bank_line rows never change: record a correction as a new row'); END

CREATE TRIGGER bank_line_no_delete BEFORE DELETE ON bank_line BEGIN SELECT RAISE(ABORT, 'bank_line rows never change: record a correction as a new row'); END

CREATE TABLE card_try (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	act TEXT NOT NULL,
	address_mark TEXT,
	at_real_ms INTEGER NOT NULL,
	CONSTRAINT pk_card_try PRIMARY KEY (id),
	CONSTRAINT ck_card_try_act_known CHECK (act IN ('card_asked', 'charge_asked', 'charge_refused', 'question_asked')),
	CONSTRAINT fk_card_try_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_card_try_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_card_try_account_id_at_real_ms ON card_try (account_id, at_real_ms)

CREATE INDEX ix_card_try_organisation_id_address_mark ON card_try (organisation_id, address_mark, at_real_ms)

CREATE INDEX ix_card_try_organisation_id_at_real_ms ON card_try (organisation_id, at_real_ms)

CREATE TABLE contract (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	law TEXT NOT NULL,
	law_version TEXT NOT NULL,
	signed_on DATE NOT NULL,
	starts_on DATE NOT NULL,
	ends_on DATE,
	renews BOOLEAN NOT NULL,
	at_distance BOOLEAN DEFAULT 0 NOT NULL,
	total_minor INTEGER,
	instalments INTEGER,
	agreement JSON DEFAULT '{}' NOT NULL,
	proof TEXT,
	state TEXT NOT NULL,
	CONSTRAINT pk_contract PRIMARY KEY (id),
	CONSTRAINT ck_contract_law_known CHECK (law IN ('ca-qc', 'fr', 'none')),
	CONSTRAINT ck_contract_state_known CHECK (state IN ('active', 'ended', 'cancelled')),
	CONSTRAINT ck_contract_ends_after_start CHECK (ends_on IS NULL OR ends_on > starts_on),
	CONSTRAINT fk_contract_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_contract_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_contract_account_id ON contract (account_id)

CREATE TABLE door_order (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	door TEXT NOT NULL,
	standing TEXT NOT NULL,
	until_ms INTEGER,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	given_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_door_order PRIMARY KEY (id),
	CONSTRAINT ck_door_order_standing_known CHECK (standing IN ('free', 'blocked', 'lockdown')),
	CONSTRAINT uq_door_order_site_id_door UNIQUE (site_id, door),
	CONSTRAINT fk_door_order_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_order_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE door_order_change (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	door TEXT NOT NULL,
	standing TEXT,
	until_ms INTEGER,
	at_ms INTEGER NOT NULL,
	at_real_ms INTEGER NOT NULL,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	CONSTRAINT pk_door_order_change PRIMARY KEY (id),
	CONSTRAINT ck_door_order_change_standing_known CHECK (standing IS NULL OR standing IN ('free', 'blocked', 'lockdown')),
	CONSTRAINT fk_door_order_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_order_change_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_door_order_change_site_id_id ON door_order_change (site_id, id)

CREATE TRIGGER door_order_change_no_update BEFORE UPDATE ON door_order_change BEGIN SELECT RAISE(ABORT, 'door_order_change rows never change: record a correction as a new row'); END

CREATE TRIGGER door_order_change_no_delete BEFORE DELETE ON door_order_change BEGIN SELECT RAISE(ABORT, 'door_order_change rows never change: record a correction as a new row'); END

CREATE TABLE door_plan (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	door TEXT NOT NULL,
	unlock TEXT NOT NULL,
	first_person BOOLEAN NOT NULL,
	CONSTRAINT pk_door_plan PRIMARY KEY (id),
	CONSTRAINT uq_door_plan_site_id_door UNIQUE (site_id, door),
	CONSTRAINT fk_door_plan_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_plan_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE door_rule (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	door TEXT NOT NULL,
	pin_schedule TEXT,
	two_people BOOLEAN NOT NULL,
	supervised BOOLEAN NOT NULL,
	minors_alone BOOLEAN NOT NULL,
	within_s INTEGER NOT NULL,
	reserved JSON DEFAULT '[]' NOT NULL,
	CONSTRAINT pk_door_rule PRIMARY KEY (id),
	CONSTRAINT uq_door_rule_site_id_door UNIQUE (site_id, door),
	CONSTRAINT ck_door_rule_within_bounds CHECK (within_s BETWEEN 1 AND 600),
	CONSTRAINT fk_door_rule_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_rule_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE finding_over (
	finding_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	run_id INTEGER NOT NULL,
	CONSTRAINT pk_finding_over PRIMARY KEY (finding_id),
	CONSTRAINT fk_finding_over_finding_id FOREIGN KEY(finding_id) REFERENCES audit_finding (id),
	CONSTRAINT fk_finding_over_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_finding_over_run_id FOREIGN KEY(run_id) REFERENCES audit_run (id)
)

CREATE TRIGGER finding_over_no_update BEFORE UPDATE ON finding_over BEGIN SELECT RAISE(ABORT, 'finding_over rows never change: record a correction as a new row'); END

CREATE TRIGGER finding_over_no_delete BEFORE DELETE ON finding_over BEGIN SELECT RAISE(ABORT, 'finding_over rows never change: record a correction as a new row'); END

CREATE TABLE fraud_signal (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	suspicion TEXT NOT NULL,
	counted INTEGER NOT NULL,
	raised_at_real_ms INTEGER NOT NULL,
	cleared_at_real_ms INTEGER,
	cleared_by TEXT,
	note TEXT,
	CONSTRAINT pk_fraud_signal PRIMARY KEY (id),
	CONSTRAINT ck_fraud_signal_suspicion_known CHECK (suspicion IN ('too_often', 'many_cards', 'many_refusals', 'one_address', 'card_testing')),
	CONSTRAINT fk_fraud_signal_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_fraud_signal_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_fraud_signal_account_id ON fraud_signal (account_id)

CREATE INDEX ix_fraud_signal_organisation_id_id ON fraud_signal (organisation_id, id)

CREATE UNIQUE INDEX uq_fraud_signal_open ON fraud_signal (account_id, suspicion) WHERE cleared_at_real_ms IS NULL

CREATE TABLE gateway (
	id TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	mode TEXT NOT NULL,
	enrolled_at_ms INTEGER NOT NULL,
	revoked_at_ms INTEGER,
	CONSTRAINT pk_gateway PRIMARY KEY (id),
	CONSTRAINT ck_gateway_mode_known CHECK (mode IN ('live', 'test')),
	CONSTRAINT fk_gateway_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_gateway_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_gateway_organisation_id ON gateway (organisation_id)

CREATE INDEX ix_gateway_site_id ON gateway (site_id)

CREATE TABLE grace_given (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	given_at_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	given_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_grace_given PRIMARY KEY (id),
	CONSTRAINT uq_grace_given_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT fk_grace_given_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_grace_given_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_grace_given_account_id ON grace_given (account_id)

CREATE TRIGGER grace_given_no_update BEFORE UPDATE ON grace_given BEGIN SELECT RAISE(ABORT, 'grace_given rows never change: record a correction as a new row'); END

CREATE TRIGGER grace_given_no_delete BEFORE DELETE ON grace_given BEGIN SELECT RAISE(ABORT, 'grace_given rows never change: record a correction as a new row'); END

CREATE TABLE holiday_calendar (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_holiday_calendar PRIMARY KEY (id),
	CONSTRAINT uq_holiday_calendar_site_id_name UNIQUE (site_id, name),
	CONSTRAINT fk_holiday_calendar_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_holiday_calendar_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE invoice (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	series TEXT NOT NULL,
	number INTEGER NOT NULL,
	issued_on DATE NOT NULL,
	due_on DATE NOT NULL,
	issued_at_ms INTEGER NOT NULL,
	currency TEXT NOT NULL,
	tax_inclusive BOOLEAN DEFAULT 0 NOT NULL,
	net_minor INTEGER NOT NULL,
	tax_minor INTEGER NOT NULL,
	total_minor INTEGER NOT NULL,
	buyer JSON NOT NULL,
	seller JSON NOT NULL,
	engine TEXT NOT NULL,
	tax_catalogue TEXT DEFAULT 'unknown' NOT NULL,
	CONSTRAINT pk_invoice PRIMARY KEY (id),
	CONSTRAINT uq_invoice_legal_entity_id_series_number UNIQUE (legal_entity_id, series, number),
	CONSTRAINT ck_invoice_adds_up CHECK (total_minor = net_minor + tax_minor),
	CONSTRAINT ck_invoice_number_positive CHECK (number > 0),
	CONSTRAINT fk_invoice_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_invoice_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_invoice_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_invoice_account_id ON invoice (account_id)

CREATE INDEX ix_invoice_legal_entity_id_issued_on ON invoice (legal_entity_id, issued_on)

CREATE TRIGGER invoice_no_update BEFORE UPDATE ON invoice BEGIN SELECT RAISE(ABORT, 'invoice rows never change: record a correction as a new row'); END

CREATE TRIGGER invoice_no_delete BEFORE DELETE ON invoice BEGIN SELECT RAISE(ABORT, 'invoice rows never change: record a correction as a new row'); END

CREATE TABLE manual_entry (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	account_id INTEGER,
	kind TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	occurred_on DATE NOT NULL,
	recorded_at_ms INTEGER NOT NULL,
	recorded_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_manual_entry PRIMARY KEY (id),
	CONSTRAINT fk_manual_entry_organisation_id_legal_entity_id_currency FOREIGN KEY(organisation_id, legal_entity_id, currency) REFERENCES legal_entity (organisation_id, id, currency),
	CONSTRAINT uq_manual_entry_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT ck_manual_entry_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_manual_entry_kind_known CHECK (kind IN ('deposit_in_cash', 'deposit_at_bank', 'deposit_back_in_cash', 'deposit_back_by_bank', 'cash_to_bank', 'cheques_to_bank', 'provider_paid_out', 'provider_fee')),
	CONSTRAINT ck_manual_entry_deposit_has_account CHECK ((kind LIKE 'deposit%') = (account_id IS NOT NULL)),
	CONSTRAINT fk_manual_entry_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_manual_entry_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_manual_entry_account_id ON manual_entry (account_id)

CREATE TRIGGER manual_entry_no_update BEFORE UPDATE ON manual_entry BEGIN SELECT RAISE(ABORT, 'manual_entry rows never change: record a correction as a new row'); END

CREATE TRIGGER manual_entry_no_delete BEFORE DELETE ON manual_entry BEGIN SELECT RAISE(ABORT, 'manual_entry rows never change: record a correction as a new row'); END

CREATE TABLE member (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	first_name TEXT NOT NULL,
	last_name TEXT NOT NULL,
	email TEXT,
	language TEXT,
	groups JSON DEFAULT '[]' NOT NULL,
	joined_on DATE NOT NULL,
	long_access BOOLEAN DEFAULT 0 NOT NULL,
	first_person BOOLEAN DEFAULT 0 NOT NULL,
	lockdown_exempt BOOLEAN DEFAULT 0 NOT NULL,
	escort BOOLEAN DEFAULT 0 NOT NULL,
	escorted BOOLEAN DEFAULT 0 NOT NULL,
	supervisor BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT pk_member PRIMARY KEY (id),
	CONSTRAINT ck_member_language_known CHECK (language IS NULL OR language IN ('en', 'fr')),
	CONSTRAINT fk_member_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_member_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_member_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_member_account_id ON member (account_id)

CREATE INDEX ix_member_organisation_id_email ON member (organisation_id, lower(email))

CREATE INDEX ix_member_site_id ON member (site_id)

CREATE TABLE message (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	kind TEXT NOT NULL,
	language TEXT NOT NULL,
	recipient TEXT,
	subject TEXT NOT NULL,
	body TEXT NOT NULL,
	written_at_ms INTEGER NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	retry_at_real_ms INTEGER NOT NULL,
	sent_at_real_ms INTEGER,
	error TEXT,
	CONSTRAINT pk_message PRIMARY KEY (id),
	CONSTRAINT uq_message_organisation_id_key UNIQUE (organisation_id, "key"),
	CONSTRAINT ck_message_state_known CHECK (state IN ('waiting', 'sending', 'sent', 'refused', 'no_address')),
	CONSTRAINT fk_message_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_message_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_message_account_id ON message (account_id)

CREATE INDEX ix_message_to_carry ON message (retry_at_real_ms, id) WHERE state IN ('waiting', 'sending')

CREATE TABLE payment_method (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	mode TEXT NOT NULL,
	account_id INTEGER NOT NULL,
	provider TEXT NOT NULL,
	token TEXT NOT NULL,
	label TEXT NOT NULL,
	exp_month INTEGER,
	exp_year INTEGER,
	scheme TEXT,
	provider_account_id INTEGER,
	state TEXT NOT NULL,
	added_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_payment_method PRIMARY KEY (id),
	CONSTRAINT uq_payment_method_organisation_id_provider_token UNIQUE (organisation_id, provider, token),
	CONSTRAINT ck_payment_method_state_known CHECK (state IN ('active', 'unusable', 'removed')),
	CONSTRAINT ck_payment_method_expiry_whole CHECK ((exp_month IS NULL) = (exp_year IS NULL)),
	CONSTRAINT ck_payment_method_month_known CHECK (exp_month IS NULL OR exp_month BETWEEN 1 AND 12),
	CONSTRAINT fk_payment_method_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_payment_method_simulator_is_for_tests CHECK (provider <> 'simulator' OR mode = 'test'),
	CONSTRAINT fk_payment_method_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_method_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payment_method_provider_account_id FOREIGN KEY(provider_account_id) REFERENCES provider_account (id)
)

CREATE INDEX ix_payment_method_account_id ON payment_method (account_id)

CREATE TABLE payment_plan (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	total_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	agreed_at_ms INTEGER NOT NULL,
	agreed_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	state TEXT NOT NULL,
	ended_at_ms INTEGER,
	CONSTRAINT pk_payment_plan PRIMARY KEY (id),
	CONSTRAINT uq_payment_plan_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT ck_payment_plan_total_positive CHECK (total_minor > 0),
	CONSTRAINT ck_payment_plan_state_known CHECK (state IN ('agreed', 'kept', 'broken')),
	CONSTRAINT fk_payment_plan_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_plan_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_payment_plan_account_id ON payment_plan (account_id)

CREATE UNIQUE INDEX uq_payment_plan_agreed ON payment_plan (account_id) WHERE state = 'agreed'

CREATE TABLE posting (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	entry_id INTEGER NOT NULL,
	debit_account_id INTEGER NOT NULL,
	credit_account_id INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (id),
	CONSTRAINT fk_posting_organisation_id_legal_entity_id_currency_entry_id FOREIGN KEY(organisation_id, legal_entity_id, currency, entry_id) REFERENCES ledger_entry (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT fk_posting_organisation_id_legal_entity_id_currency_debit_account_id FOREIGN KEY(organisation_id, legal_entity_id, currency, debit_account_id) REFERENCES ledger_account (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT fk_posting_organisation_id_legal_entity_id_currency_credit_account_id FOREIGN KEY(organisation_id, legal_entity_id, currency, credit_account_id) REFERENCES ledger_account (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT ck_posting_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_posting_two_accounts CHECK (debit_account_id <> credit_account_id)
)

CREATE INDEX ix_posting_entry_id ON posting (entry_id)

CREATE TRIGGER posting_open_period BEFORE INSERT ON posting WHEN EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id AND occurred_on <= (SELECT through_on FROM accounting_close WHERE legal_entity_id = NEW.legal_entity_id ORDER BY id DESC LIMIT 1)) BEGIN SELECT RAISE(ABORT, 'the accounting period is closed: post it today, or reopen the period'); END

CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting BEGIN SELECT RAISE(ABORT, 'posting rows never change: record a correction as a new row'); END

CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting BEGIN SELECT RAISE(ABORT, 'posting rows never change: record a correction as a new row'); END

CREATE TABLE price (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	plan_id INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	interval_unit TEXT NOT NULL,
	interval_count INTEGER NOT NULL,
	tax_inclusive BOOLEAN NOT NULL,
	taxable BOOLEAN NOT NULL,
	tax_category TEXT DEFAULT 'standard' NOT NULL,
	term_months INTEGER,
	times INTEGER,
	joining_minor INTEGER DEFAULT '0' NOT NULL,
	trial_days INTEGER DEFAULT '0' NOT NULL,
	instalments INTEGER DEFAULT '1' NOT NULL,
	terms JSON DEFAULT '{}' NOT NULL,
	audience TEXT,
	active BOOLEAN NOT NULL,
	CONSTRAINT pk_price PRIMARY KEY (id),
	CONSTRAINT ck_price_amount_not_negative CHECK (amount_minor >= 0),
	CONSTRAINT ck_price_interval_positive CHECK (interval_count > 0),
	CONSTRAINT ck_price_one_sort_of_term CHECK (term_months IS NULL OR times IS NULL),
	CONSTRAINT ck_price_extras_not_negative CHECK (joining_minor >= 0 AND trial_days >= 0 AND instalments > 0),
	CONSTRAINT ck_price_interval_unit_known CHECK (interval_unit IN ('day', 'week', 'month')),
	CONSTRAINT ck_price_tax_category_known CHECK (tax_category IN ('standard', 'event_entry', 'meal', 'groceries', 'book', 'press', 'care', 'non_profit')),
	CONSTRAINT fk_price_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_price_plan_id FOREIGN KEY(plan_id) REFERENCES "plan" (id)
)

CREATE TABLE provider_customer (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	provider_account_id INTEGER NOT NULL,
	reference TEXT NOT NULL,
	CONSTRAINT pk_provider_customer PRIMARY KEY (id),
	CONSTRAINT uq_provider_customer_account_id_provider_account_id UNIQUE (account_id, provider_account_id),
	CONSTRAINT uq_provider_customer_provider_account_id_reference UNIQUE (provider_account_id, reference),
	CONSTRAINT fk_provider_customer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_customer_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_provider_customer_provider_account_id FOREIGN KEY(provider_account_id) REFERENCES provider_account (id)
)

CREATE TABLE rule_change (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	was JSON,
	becomes JSON,
	at_ms INTEGER NOT NULL,
	at_real_ms INTEGER NOT NULL,
	changed_by TEXT NOT NULL,
	changed_by_id TEXT NOT NULL,
	CONSTRAINT pk_rule_change PRIMARY KEY (id),
	CONSTRAINT ck_rule_change_kind_known CHECK (kind IN ('hours', 'holidays', 'zone', 'zone_rule', 'door_plan', 'door_rule', 'policy', 'plan', 'price')),
	CONSTRAINT fk_rule_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_rule_change_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_rule_change_organisation_id_id ON rule_change (organisation_id, id)

CREATE INDEX ix_rule_change_site_id_id ON rule_change (site_id, id)

CREATE TRIGGER rule_change_no_update BEFORE UPDATE ON rule_change BEGIN SELECT RAISE(ABORT, 'rule_change rows never change: record a correction as a new row'); END

CREATE TRIGGER rule_change_no_delete BEFORE DELETE ON rule_change BEGIN SELECT RAISE(ABORT, 'rule_change rows never change: record a correction as a new row'); END

CREATE TABLE run_resumed (
	stop_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	"by" TEXT NOT NULL,
	reason TEXT,
	confirmed BOOLEAN NOT NULL,
	resumed_on DATE NOT NULL,
	CONSTRAINT pk_run_resumed PRIMARY KEY (stop_id),
	CONSTRAINT fk_run_resumed_stop_id FOREIGN KEY(stop_id) REFERENCES run_stop (id),
	CONSTRAINT fk_run_resumed_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER run_resumed_no_update BEFORE UPDATE ON run_resumed BEGIN SELECT RAISE(ABORT, 'run_resumed rows never change: record a correction as a new row'); END

CREATE TRIGGER run_resumed_no_delete BEFORE DELETE ON run_resumed BEGIN SELECT RAISE(ABORT, 'run_resumed rows never change: record a correction as a new row'); END

CREATE TABLE schedule (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_schedule PRIMARY KEY (id),
	CONSTRAINT uq_schedule_site_id_name UNIQUE (site_id, name),
	CONSTRAINT fk_schedule_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_schedule_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE site_key (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	key_id TEXT NOT NULL,
	sealed_secret BLOB NOT NULL,
	state TEXT NOT NULL,
	CONSTRAINT pk_site_key PRIMARY KEY (id),
	CONSTRAINT uq_site_key_site_id_key_id UNIQUE (site_id, key_id),
	CONSTRAINT ck_site_key_state_known CHECK (state IN ('active', 'retired')),
	CONSTRAINT fk_site_key_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_site_key_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE site_presence (
	site_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	CONSTRAINT pk_site_presence PRIMARY KEY (site_id),
	CONSTRAINT fk_site_presence_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_site_presence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE zone_rule (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	zone TEXT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_zone_rule PRIMARY KEY (id),
	CONSTRAINT uq_zone_rule_site_id_zone UNIQUE (site_id, zone),
	CONSTRAINT fk_zone_rule_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_zone_rule_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE access_outbox (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	account_id INTEGER,
	rules_only BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT pk_access_outbox PRIMARY KEY (id),
	CONSTRAINT ck_access_outbox_rules_or_account CHECK (NOT rules_only OR account_id IS NULL),
	CONSTRAINT fk_access_outbox_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_access_outbox_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_access_outbox_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_access_outbox_gateway_id_id ON access_outbox (gateway_id, id)

CREATE TABLE alarm (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	position INTEGER NOT NULL,
	alarm TEXT NOT NULL,
	subject TEXT NOT NULL,
	ended_position INTEGER,
	ended_journal_id TEXT,
	ended_sequence INTEGER,
	acknowledged_id INTEGER,
	closed_id INTEGER,
	CONSTRAINT pk_alarm PRIMARY KEY (id),
	CONSTRAINT ck_alarm_alarm_known CHECK (alarm IN ('fire', 'emergency_release', 'lockdown', 'forced', 'tamper', 'wrong_way', 'interlock', 'held', 'lane', 'obstacle', 'reader', 'input', 'output', 'mains', 'battery', 'cloud', 'message', 'system')),
	CONSTRAINT uq_alarm_gateway_id_journal_id_sequence UNIQUE (gateway_id, journal_id, sequence),
	CONSTRAINT fk_alarm_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_alarm_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_alarm_acknowledged_id FOREIGN KEY(acknowledged_id) REFERENCES alarm_acknowledgement (id),
	CONSTRAINT fk_alarm_closed_id FOREIGN KEY(closed_id) REFERENCES alarm_acknowledgement (id)
)

CREATE INDEX ix_alarm_open ON alarm (organisation_id, id) WHERE (acknowledged_id IS NULL OR (ended_position IS NULL AND closed_id IS NULL))

CREATE INDEX ix_alarm_organisation_id_id ON alarm (organisation_id, id)

CREATE INDEX ix_alarm_subject ON alarm (gateway_id, alarm, subject, position)

CREATE TABLE alarm_end (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	alarm TEXT NOT NULL,
	subject TEXT,
	journal_id TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	position INTEGER NOT NULL,
	CONSTRAINT pk_alarm_end PRIMARY KEY (id),
	CONSTRAINT uq_alarm_end_gateway_id_alarm_subject_journal_id_sequence UNIQUE (gateway_id, alarm, subject, journal_id, sequence),
	CONSTRAINT fk_alarm_end_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_end_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_alarm_end_position ON alarm_end (gateway_id, alarm, position)

CREATE TABLE alarm_seen_on_site (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	alarm TEXT,
	door TEXT,
	journal_id TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	position INTEGER NOT NULL,
	acknowledgement_id INTEGER NOT NULL,
	CONSTRAINT pk_alarm_seen_on_site PRIMARY KEY (id),
	CONSTRAINT ck_alarm_seen_on_site_alarm_known CHECK (alarm IS NULL OR alarm IN ('fire', 'emergency_release', 'lockdown', 'forced', 'tamper', 'wrong_way', 'interlock', 'held', 'lane', 'obstacle', 'reader', 'input', 'output', 'mains', 'battery', 'cloud', 'message', 'system')),
	CONSTRAINT uq_alarm_seen_on_site_gateway_id_journal_id_sequence UNIQUE (gateway_id, journal_id, sequence),
	CONSTRAINT fk_alarm_seen_on_site_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_seen_on_site_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_alarm_seen_on_site_acknowledgement_id FOREIGN KEY(acknowledgement_id) REFERENCES alarm_acknowledgement (id)
)

CREATE INDEX ix_alarm_seen_on_site_position ON alarm_seen_on_site (gateway_id, position)

CREATE TABLE bank_match (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	bank_line_id INTEGER NOT NULL,
	rule TEXT NOT NULL,
	subject TEXT NOT NULL,
	generation INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	matched_at_ms INTEGER NOT NULL,
	matched_by TEXT NOT NULL,
	reason TEXT,
	CONSTRAINT pk_bank_match PRIMARY KEY (id),
	CONSTRAINT uq_bank_match_organisation_id_subject_generation UNIQUE (organisation_id, subject, generation),
	CONSTRAINT ck_bank_match_rule_known CHECK (rule IN ('debit', 'batch', 'returned', 'refund', 'refund_back', 'payout', 'booked', 'terminal', 'transfer', 'fee', 'provider', 'cash', 'cheques', 'noted')),
	CONSTRAINT ck_bank_match_something_found CHECK (amount_minor <> 0),
	CONSTRAINT fk_bank_match_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_match_bank_line_id FOREIGN KEY(bank_line_id) REFERENCES bank_line (id)
)

CREATE INDEX ix_bank_match_bank_line_id ON bank_match (bank_line_id)

CREATE TRIGGER bank_match_no_update BEFORE UPDATE ON bank_match BEGIN SELECT RAISE(ABORT, 'bank_match rows never change: record a correction as a new row'); END

CREATE TRIGGER bank_match_no_delete BEFORE DELETE ON bank_match BEGIN SELECT RAISE(ABORT, 'bank_match rows never change: record a correction as a new row'); END

CREATE TABLE block (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	member_id INTEGER,
	reason TEXT NOT NULL,
	source TEXT NOT NULL,
	from_ms INTEGER NOT NULL,
	until_ms INTEGER,
	switches JSON NOT NULL,
	CONSTRAINT pk_block PRIMARY KEY (id),
	CONSTRAINT ck_block_reason_known CHECK (reason IN ('dues_unpaid', 'frozen', 'chargeback', 'parked', 'banned', 'pass_shared')),
	CONSTRAINT ck_block_ends_after_start CHECK (until_ms IS NULL OR until_ms >= from_ms),
	CONSTRAINT fk_block_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_block_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_block_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_block_account_id ON block (account_id)

CREATE UNIQUE INDEX uq_block_open_account ON block (account_id, reason, source) WHERE until_ms IS NULL AND member_id IS NULL

CREATE UNIQUE INDEX uq_block_open_member ON block (member_id, reason, source) WHERE until_ms IS NULL AND member_id IS NOT NULL

CREATE TABLE boot_anchor (
	gateway_id TEXT NOT NULL,
	boot_id TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	boot_ns INTEGER NOT NULL,
	real_ms INTEGER NOT NULL,
	business_ms INTEGER NOT NULL,
	CONSTRAINT pk_boot_anchor PRIMARY KEY (gateway_id, boot_id),
	CONSTRAINT fk_boot_anchor_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_boot_anchor_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE command (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	kid TEXT NOT NULL,
	counter INTEGER NOT NULL,
	action TEXT NOT NULL,
	door TEXT,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	issued_at_ms INTEGER NOT NULL,
	expires_at_ms INTEGER NOT NULL,
	token BLOB NOT NULL,
	published_at_ms INTEGER,
	outcome TEXT,
	reason TEXT,
	answered_at_ms INTEGER,
	CONSTRAINT pk_command PRIMARY KEY (id),
	CONSTRAINT ck_command_action_known CHECK (action IN ('open_door', 'reset_fire')),
	CONSTRAINT ck_command_outcome_known CHECK (outcome IS NULL OR outcome IN ('taken', 'refused')),
	CONSTRAINT uq_command_gateway_id_kid_counter UNIQUE (gateway_id, kid, counter),
	CONSTRAINT fk_command_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_command_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_command_waiting ON command (id) WHERE published_at_ms IS NULL

CREATE TABLE credential (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	sealed BLOB NOT NULL,
	blind_index TEXT NOT NULL,
	state TEXT NOT NULL,
	state_since_ms INTEGER,
	issued_at_ms INTEGER,
	valid_from_ms INTEGER,
	valid_until_ms INTEGER,
	zones JSON,
	replaced_by_id INTEGER,
	card_id INTEGER,
	pin_index TEXT,
	duress BOOLEAN NOT NULL,
	CONSTRAINT pk_credential PRIMARY KEY (id),
	CONSTRAINT ck_credential_state_known CHECK (state IN ('active', 'blocked', 'lost', 'stolen', 'expired', 'replaced')),
	CONSTRAINT ck_credential_pin_has_index CHECK ((pin_index IS NOT NULL) = (kind IN ('pin', 'card_and_pin'))),
	CONSTRAINT ck_credential_pin_has_card CHECK ((card_id IS NOT NULL) = (kind = 'card_and_pin')),
	CONSTRAINT fk_credential_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credential_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_credential_replaced_by_id FOREIGN KEY(replaced_by_id) REFERENCES credential (id),
	CONSTRAINT fk_credential_card_id FOREIGN KEY(card_id) REFERENCES credential (id)
)

CREATE INDEX ix_credential_blind_index ON credential (organisation_id, blind_index)

CREATE INDEX ix_credential_card_id ON credential (card_id)

CREATE INDEX ix_credential_member_id ON credential (member_id)

CREATE INDEX ix_credential_pin_index ON credential (organisation_id, pin_index)

CREATE UNIQUE INDEX uq_credential_held ON credential (organisation_id, blind_index) WHERE state IN ('active', 'blocked')

CREATE UNIQUE INDEX uq_credential_pin_held ON credential (organisation_id, pin_index) WHERE state IN ('active', 'blocked')

CREATE TRIGGER credential_member_id_fixed BEFORE UPDATE OF member_id ON credential WHEN OLD.member_id IS NOT NEW.member_id BEGIN SELECT RAISE(ABORT, 'credential.member_id never changes once written'); END

CREATE TABLE credit_note (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	series TEXT NOT NULL,
	number INTEGER NOT NULL,
	issued_on DATE NOT NULL,
	issued_at_ms INTEGER NOT NULL,
	currency TEXT NOT NULL,
	net_minor INTEGER NOT NULL,
	tax_minor INTEGER NOT NULL,
	total_minor INTEGER NOT NULL,
	reason TEXT NOT NULL,
	buyer JSON NOT NULL,
	seller JSON NOT NULL,
	engine TEXT NOT NULL,
	CONSTRAINT pk_credit_note PRIMARY KEY (id),
	CONSTRAINT uq_credit_note_legal_entity_id_series_number UNIQUE (legal_entity_id, series, number),
	CONSTRAINT ck_credit_note_adds_up CHECK (total_minor = net_minor + tax_minor),
	CONSTRAINT ck_credit_note_total_not_negative CHECK (total_minor >= 0),
	CONSTRAINT ck_credit_note_number_positive CHECK (number > 0),
	CONSTRAINT fk_credit_note_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credit_note_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_credit_note_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_credit_note_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_credit_note_account_id ON credit_note (account_id)

CREATE INDEX ix_credit_note_invoice_id ON credit_note (invoice_id)

CREATE INDEX ix_credit_note_legal_entity_id_issued_on ON credit_note (legal_entity_id, issued_on)

CREATE TRIGGER credit_note_no_update BEFORE UPDATE ON credit_note BEGIN SELECT RAISE(ABORT, 'credit_note rows never change: record a correction as a new row'); END

CREATE TRIGGER credit_note_no_delete BEFORE DELETE ON credit_note BEGIN SELECT RAISE(ABORT, 'credit_note rows never change: record a correction as a new row'); END

CREATE TABLE door_rights_change (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	rights JSON NOT NULL,
	at_ms INTEGER NOT NULL,
	at_real_ms INTEGER NOT NULL,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	CONSTRAINT pk_door_rights_change PRIMARY KEY (id),
	CONSTRAINT fk_door_rights_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_rights_change_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_door_rights_change_member_id ON door_rights_change (member_id)

CREATE TRIGGER door_rights_change_no_update BEFORE UPDATE ON door_rights_change BEGIN SELECT RAISE(ABORT, 'door_rights_change rows never change: record a correction as a new row'); END

CREATE TRIGGER door_rights_change_no_delete BEFORE DELETE ON door_rights_change BEGIN SELECT RAISE(ABORT, 'door_rights_change rows never change: record a correction as a new row'); END

CREATE TABLE dunning_case (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	starts_on DATE NOT NULL,
	cause TEXT NOT NULL,
	failure TEXT NOT NULL,
	retries BOOLEAN NOT NULL,
	opened_at_ms INTEGER NOT NULL,
	closed_at_ms INTEGER,
	handed_over_at_ms INTEGER,
	CONSTRAINT pk_dunning_case PRIMARY KEY (id),
	CONSTRAINT uq_dunning_case_invoice_id_generation UNIQUE (invoice_id, generation),
	CONSTRAINT ck_dunning_case_failure_known CHECK (failure IN ('soft', 'hard', 'authentication', 'debit_return', 'no_method', 'expired_card')),
	CONSTRAINT fk_dunning_case_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dunning_case_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_dunning_case_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_dunning_case_open_account ON dunning_case (account_id) WHERE closed_at_ms IS NULL

CREATE UNIQUE INDEX uq_dunning_case_open ON dunning_case (invoice_id) WHERE closed_at_ms IS NULL

CREATE TABLE feed_entry (
	gateway_id TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	root TEXT NOT NULL,
	token BLOB NOT NULL,
	issued_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_feed_entry PRIMARY KEY (gateway_id, epoch, revision),
	CONSTRAINT fk_feed_entry_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_feed_entry_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE feed_row (
	gateway_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	"key" TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER,
	body BLOB NOT NULL,
	bucket INTEGER NOT NULL,
	CONSTRAINT pk_feed_row PRIMARY KEY (gateway_id, kind, "key"),
	CONSTRAINT fk_feed_row_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_feed_row_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_feed_row_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_feed_row_gateway_id_account_id ON feed_row (gateway_id, account_id)

CREATE INDEX ix_feed_row_gateway_id_bucket ON feed_row (gateway_id, bucket)

CREATE TABLE feed_state (
	gateway_id TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	root TEXT NOT NULL,
	digest BLOB NOT NULL,
	sweep_after INTEGER,
	ready BOOLEAN NOT NULL,
	sequenced_at_ms INTEGER NOT NULL,
	retry_at_ms INTEGER,
	backlog_since_ms INTEGER,
	sent_through INTEGER NOT NULL,
	sent_at_ms INTEGER,
	resends INTEGER NOT NULL,
	resend_due_ms INTEGER,
	snapshot_wanted_from INTEGER,
	acked_epoch INTEGER NOT NULL,
	acked_revision INTEGER NOT NULL,
	acked_root TEXT NOT NULL,
	acked_at_ms INTEGER,
	acked_lease_counter INTEGER NOT NULL,
	acked_clock_rev INTEGER NOT NULL,
	lease_counter INTEGER NOT NULL,
	lease_due_ms INTEGER NOT NULL,
	lease_not_before_ms INTEGER NOT NULL,
	lease_until_ms INTEGER,
	lease_epoch INTEGER NOT NULL,
	lease_revision INTEGER NOT NULL,
	lease_clock_rev INTEGER NOT NULL,
	CONSTRAINT pk_feed_state PRIMARY KEY (gateway_id),
	CONSTRAINT fk_feed_state_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_feed_state_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE forgiveness (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	at_real_ms INTEGER NOT NULL,
	note TEXT NOT NULL,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	CONSTRAINT pk_forgiveness PRIMARY KEY (id),
	CONSTRAINT ck_forgiveness_note_said CHECK (length(note) BETWEEN 1 AND 200),
	CONSTRAINT fk_forgiveness_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_forgiveness_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_forgiveness_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_forgiveness_member_id ON forgiveness (member_id)

CREATE INDEX ix_forgiveness_site_id_id ON forgiveness (site_id, id)

CREATE TRIGGER forgiveness_no_update BEFORE UPDATE ON forgiveness BEGIN SELECT RAISE(ABORT, 'forgiveness rows never change: record a correction as a new row'); END

CREATE TRIGGER forgiveness_no_delete BEFORE DELETE ON forgiveness BEGIN SELECT RAISE(ABORT, 'forgiveness rows never change: record a correction as a new row'); END

CREATE TABLE gateway_alarm (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	detail TEXT NOT NULL,
	count INTEGER NOT NULL,
	first_at_ms INTEGER NOT NULL,
	last_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_gateway_alarm PRIMARY KEY (id),
	CONSTRAINT uq_gateway_alarm_gateway_id_kind_detail_first_at_ms UNIQUE (gateway_id, kind, detail, first_at_ms),
	CONSTRAINT fk_gateway_alarm_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_gateway_alarm_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_gateway_alarm_organisation_id_last_at_ms ON gateway_alarm (organisation_id, last_at_ms)

CREATE TABLE gateway_presence (
	gateway_id TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	told_ms INTEGER,
	unseen JSON NOT NULL,
	CONSTRAINT pk_gateway_presence PRIMARY KEY (gateway_id),
	CONSTRAINT fk_gateway_presence_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_gateway_presence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE gateway_status (
	gateway_id TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	online BOOLEAN NOT NULL,
	boot_id TEXT NOT NULL,
	connection INTEGER NOT NULL,
	software TEXT NOT NULL,
	changed_at_ms INTEGER NOT NULL,
	seen_at_ms INTEGER,
	reported JSON,
	reported_at_ms INTEGER,
	CONSTRAINT pk_gateway_status PRIMARY KEY (gateway_id),
	CONSTRAINT fk_gateway_status_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_gateway_status_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE given_right (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	role TEXT NOT NULL,
	zones JSON NOT NULL,
	schedule TEXT DEFAULT 'always' NOT NULL,
	sites JSON,
	from_ms INTEGER NOT NULL,
	until_ms INTEGER,
	given_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	ended_by TEXT,
	CONSTRAINT pk_given_right PRIMARY KEY (id),
	CONSTRAINT ck_given_right_role_known CHECK (role IN ('staff', 'technician', 'cleaner', 'complimentary')),
	CONSTRAINT ck_given_right_ends_after_start CHECK (until_ms IS NULL OR until_ms >= from_ms),
	CONSTRAINT fk_given_right_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_given_right_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_given_right_member_id ON given_right (member_id)

CREATE TABLE import_mark (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	external_id TEXT NOT NULL,
	member_id INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	CONSTRAINT pk_import_mark PRIMARY KEY (id),
	CONSTRAINT uq_import_mark_organisation_id_external_id UNIQUE (organisation_id, external_id),
	CONSTRAINT fk_import_mark_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_import_mark_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_import_mark_member_id ON import_mark (member_id)

CREATE TRIGGER import_mark_no_update BEFORE UPDATE ON import_mark BEGIN SELECT RAISE(ABORT, 'import_mark rows never change: record a correction as a new row'); END

CREATE TRIGGER import_mark_no_delete BEFORE DELETE ON import_mark BEGIN SELECT RAISE(ABORT, 'import_mark rows never change: record a correction as a new row'); END

CREATE TABLE invoice_question (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	asked_as TEXT NOT NULL,
	noted_by TEXT NOT NULL,
	text TEXT NOT NULL,
	asked_at_ms INTEGER NOT NULL,
	holds_until_ms INTEGER NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_invoice_question PRIMARY KEY (id),
	CONSTRAINT ck_invoice_question_asked_as_known CHECK (asked_as IN ('member', 'payer', 'desk')),
	CONSTRAINT uq_invoice_question_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT fk_invoice_question_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_invoice_question_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_invoice_question_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_invoice_question_account_id ON invoice_question (account_id)

CREATE INDEX ix_invoice_question_invoice_id ON invoice_question (invoice_id)

CREATE INDEX ix_invoice_question_organisation_id_id ON invoice_question (organisation_id, id)

CREATE TRIGGER invoice_question_no_update BEFORE UPDATE ON invoice_question BEGIN SELECT RAISE(ABORT, 'invoice_question rows never change: record a correction as a new row'); END

CREATE TRIGGER invoice_question_no_delete BEFORE DELETE ON invoice_question BEGIN SELECT RAISE(ABORT, 'invoice_question rows never change: record a correction as a new row'); END

CREATE TABLE invoice_tax (
	organisation_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	tax TEXT NOT NULL,
	rate_ppm INTEGER NOT NULL,
	base_minor INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_invoice_tax PRIMARY KEY (invoice_id, tax, rate_ppm),
	CONSTRAINT fk_invoice_tax_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_invoice_tax_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE TRIGGER invoice_tax_no_update BEFORE UPDATE ON invoice_tax BEGIN SELECT RAISE(ABORT, 'invoice_tax rows never change: record a correction as a new row'); END

CREATE TRIGGER invoice_tax_no_delete BEFORE DELETE ON invoice_tax BEGIN SELECT RAISE(ABORT, 'invoice_tax rows never change: record a correction as a new row'); END

CREATE TABLE journal_event (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	site_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	content_sha256 TEXT NOT NULL,
	kind TEXT NOT NULL,
	door TEXT,
	reader TEXT,
	credential TEXT,
	member TEXT,
	reason TEXT,
	flags TEXT NOT NULL,
	detail TEXT,
	at_ms INTEGER,
	real_ms INTEGER,
	quality TEXT NOT NULL,
	dated_by TEXT NOT NULL,
	boot_id TEXT NOT NULL,
	boot_ns INTEGER NOT NULL,
	received_at_ms INTEGER NOT NULL,
	way TEXT,
	"by" TEXT,
	CONSTRAINT pk_journal_event PRIMARY KEY (id),
	CONSTRAINT ck_journal_event_quality_known CHECK (quality IN ('certain', 'uncertain', 'unknown')),
	CONSTRAINT ck_journal_event_dated_by_known CHECK (dated_by IN ('gateway', 'anchor', 'nobody')),
	CONSTRAINT fk_journal_event_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_journal_event_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_journal_event_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_journal_event_duress ON journal_event (organisation_id, id) WHERE kind = 'alarm' AND reason = 'duress'

CREATE INDEX ix_journal_event_organisation_id_member ON journal_event (organisation_id, member, at_ms)

CREATE INDEX ix_journal_event_site_id_at_ms ON journal_event (site_id, at_ms)

CREATE INDEX ix_journal_event_uncertain ON journal_event (gateway_id, boot_id) WHERE quality <> 'certain'

CREATE UNIQUE INDEX uq_journal_event_key ON journal_event (gateway_id, journal_id, sequence)

CREATE TABLE journal_progress (
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	through INTEGER NOT NULL,
	highest INTEGER NOT NULL,
	ordinal INTEGER NOT NULL,
	awaited JSON,
	CONSTRAINT pk_journal_progress PRIMARY KEY (gateway_id, journal_id),
	CONSTRAINT fk_journal_progress_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_journal_progress_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE member_company (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	with_id INTEGER NOT NULL,
	bond TEXT NOT NULL,
	CONSTRAINT pk_member_company PRIMARY KEY (id),
	CONSTRAINT ck_member_company_bond_known CHECK (bond IN ('guardian', 'host')),
	CONSTRAINT ck_member_company_with_somebody_else CHECK (member_id <> with_id),
	CONSTRAINT uq_member_company_member_id_with_id_bond UNIQUE (member_id, with_id, bond),
	CONSTRAINT fk_member_company_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_member_company_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_member_company_with_id FOREIGN KEY(with_id) REFERENCES member (id)
)

CREATE INDEX ix_member_company_with_id ON member_company (with_id)

CREATE TABLE member_presence (
	site_id INTEGER NOT NULL,
	member TEXT NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	zone TEXT NOT NULL,
	way TEXT NOT NULL,
	at_ms INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	CONSTRAINT pk_member_presence PRIMARY KEY (site_id, member),
	CONSTRAINT ck_member_presence_way_known CHECK (way IN ('entry', 'exit')),
	CONSTRAINT fk_member_presence_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_member_presence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_member_presence_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_member_presence_site_id_at_ms ON member_presence (site_id, at_ms)

CREATE INDEX ix_member_presence_site_id_sequence ON member_presence (site_id, sequence)

CREATE TABLE payment_intent (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	position INTEGER DEFAULT '1' NOT NULL,
	due_on DATE,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	state TEXT NOT NULL,
	opened_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_payment_intent PRIMARY KEY (id),
	CONSTRAINT ck_payment_intent_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_payment_intent_state_known CHECK (state IN ('open', 'parked', 'succeeded', 'replaced')),
	CONSTRAINT fk_payment_intent_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_intent_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payment_intent_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payment_intent_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_payment_intent_invoice_id ON payment_intent (invoice_id)

CREATE INDEX ix_payment_intent_live_account ON payment_intent (account_id) WHERE state IN ('open', 'parked')

CREATE UNIQUE INDEX uq_payment_intent_live ON payment_intent (invoice_id, position) WHERE state IN ('open', 'parked')

CREATE TABLE payment_plan_part (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	plan_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	due_on DATE NOT NULL,
	invoice_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_payment_plan_part PRIMARY KEY (id),
	CONSTRAINT uq_payment_plan_part_invoice_id_position UNIQUE (invoice_id, position),
	CONSTRAINT ck_payment_plan_part_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT fk_payment_plan_part_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_plan_part_plan_id FOREIGN KEY(plan_id) REFERENCES payment_plan (id),
	CONSTRAINT fk_payment_plan_part_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_payment_plan_part_plan_id ON payment_plan_part (plan_id)

CREATE TRIGGER payment_plan_part_no_update BEFORE UPDATE ON payment_plan_part BEGIN SELECT RAISE(ABORT, 'payment_plan_part rows never change: record a correction as a new row'); END

CREATE TRIGGER payment_plan_part_no_delete BEFORE DELETE ON payment_plan_part BEGIN SELECT RAISE(ABORT, 'payment_plan_part rows never change: record a correction as a new row'); END

CREATE TABLE price_change (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	from_price_id INTEGER NOT NULL,
	to_price_id INTEGER NOT NULL,
	from_on DATE NOT NULL,
	announced_at_ms INTEGER NOT NULL,
	announced_by TEXT NOT NULL,
	reason TEXT,
	withdrawn_at_ms INTEGER,
	withdrawn_by TEXT,
	CONSTRAINT pk_price_change PRIMARY KEY (id),
	CONSTRAINT ck_price_change_is_another CHECK (from_price_id <> to_price_id),
	CONSTRAINT fk_price_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_price_change_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_price_change_from_price_id FOREIGN KEY(from_price_id) REFERENCES price (id),
	CONSTRAINT fk_price_change_to_price_id FOREIGN KEY(to_price_id) REFERENCES price (id)
)

CREATE TABLE profile (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	member_id INTEGER,
	account_id INTEGER,
	sealed_key BLOB,
	sealed BLOB,
	erased_at_ms INTEGER,
	CONSTRAINT pk_profile PRIMARY KEY (id),
	CONSTRAINT uq_profile_member_id UNIQUE (member_id),
	CONSTRAINT uq_profile_account_id UNIQUE (account_id),
	CONSTRAINT ck_profile_of_one CHECK ((member_id IS NULL) <> (account_id IS NULL)),
	CONSTRAINT ck_profile_erased_without_key CHECK ((sealed_key IS NULL) = (erased_at_ms IS NOT NULL)),
	CONSTRAINT ck_profile_nothing_without_key CHECK ((sealed IS NULL) = (sealed_key IS NULL)),
	CONSTRAINT fk_profile_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_profile_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_profile_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE TABLE referral (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	referrer_id INTEGER NOT NULL,
	referred_id INTEGER NOT NULL,
	noted_at_ms INTEGER NOT NULL,
	noted_by TEXT NOT NULL,
	CONSTRAINT pk_referral PRIMARY KEY (id),
	CONSTRAINT uq_referral_referred_id UNIQUE (referred_id),
	CONSTRAINT ck_referral_not_oneself CHECK (referrer_id <> referred_id),
	CONSTRAINT fk_referral_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_referral_referrer_id FOREIGN KEY(referrer_id) REFERENCES member (id),
	CONSTRAINT fk_referral_referred_id FOREIGN KEY(referred_id) REFERENCES member (id)
)

CREATE INDEX ix_referral_referrer_id ON referral (referrer_id)

CREATE TRIGGER referral_no_update BEFORE UPDATE ON referral BEGIN SELECT RAISE(ABORT, 'referral rows never change: record a correction as a new row'); END

CREATE TRIGGER referral_no_delete BEFORE DELETE ON referral BEGIN SELECT RAISE(ABORT, 'referral rows never change: record a correction as a new row'); END

CREATE TABLE sale (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	request_key TEXT NOT NULL,
	position INTEGER NOT NULL,
	content_hash TEXT NOT NULL,
	sold_by TEXT NOT NULL,
	CONSTRAINT pk_sale PRIMARY KEY (id),
	CONSTRAINT uq_sale_organisation_id_request_key_position UNIQUE (organisation_id, request_key, position),
	CONSTRAINT uq_sale_invoice_id UNIQUE (invoice_id),
	CONSTRAINT fk_sale_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sale_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_sale_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE TRIGGER sale_no_update BEFORE UPDATE ON sale BEGIN SELECT RAISE(ABORT, 'sale rows never change: record a correction as a new row'); END

CREATE TRIGGER sale_no_delete BEFORE DELETE ON sale BEGIN SELECT RAISE(ABORT, 'sale rows never change: record a correction as a new row'); END

CREATE TABLE sepa_mandate (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payment_method_id INTEGER NOT NULL,
	reference TEXT NOT NULL,
	signed_on DATE NOT NULL,
	debtor_name TEXT NOT NULL,
	iban_sealed BLOB,
	used_on DATE,
	revoked_on DATE,
	added_by TEXT NOT NULL,
	CONSTRAINT pk_sepa_mandate PRIMARY KEY (id),
	CONSTRAINT uq_sepa_mandate_organisation_id_reference UNIQUE (organisation_id, reference),
	CONSTRAINT uq_sepa_mandate_payment_method_id UNIQUE (payment_method_id),
	CONSTRAINT fk_sepa_mandate_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_mandate_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_sepa_mandate_payment_method_id FOREIGN KEY(payment_method_id) REFERENCES payment_method (id)
)

CREATE INDEX ix_sepa_mandate_account_id ON sepa_mandate (account_id)

CREATE TABLE snapshot (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT NOT NULL,
	token TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	root TEXT NOT NULL,
	rows INTEGER NOT NULL,
	size INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	made_at_ms INTEGER NOT NULL,
	expires_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_snapshot PRIMARY KEY (id),
	CONSTRAINT fk_snapshot_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_snapshot_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT uq_snapshot_token UNIQUE (token)
)

CREATE INDEX ix_snapshot_expires_at_ms ON snapshot (expires_at_ms)

CREATE INDEX ix_snapshot_gateway_id_id ON snapshot (gateway_id, id)

CREATE TABLE subscription (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	contract_id INTEGER NOT NULL,
	price_id INTEGER NOT NULL,
	beside_id INTEGER,
	component TEXT DEFAULT 'membership' NOT NULL,
	proration TEXT DEFAULT 'real_days' NOT NULL,
	plain BOOLEAN DEFAULT 1 NOT NULL,
	bill_with_id INTEGER NOT NULL,
	anchor_on DATE NOT NULL,
	next_invoice_on DATE,
	ends_on DATE,
	state TEXT NOT NULL,
	CONSTRAINT pk_subscription PRIMARY KEY (id),
	CONSTRAINT ck_subscription_state_known CHECK (state IN ('active', 'ended')),
	CONSTRAINT ck_subscription_proration_known CHECK (proration IN ('real_days', 'fixed_30', 'seconds', 'whole')),
	CONSTRAINT fk_subscription_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_subscription_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_subscription_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_subscription_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_subscription_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
	CONSTRAINT fk_subscription_price_id FOREIGN KEY(price_id) REFERENCES price (id),
	CONSTRAINT fk_subscription_beside_id FOREIGN KEY(beside_id) REFERENCES subscription (id),
	CONSTRAINT fk_subscription_bill_with_id FOREIGN KEY(bill_with_id) REFERENCES account (id)
)

CREATE INDEX ix_subscription_account_id ON subscription (account_id)

CREATE INDEX ix_subscription_beside ON subscription (beside_id) WHERE beside_id IS NOT NULL

CREATE INDEX ix_subscription_billed_with_another ON subscription (bill_with_id) WHERE bill_with_id <> account_id

CREATE INDEX ix_subscription_due ON subscription (legal_entity_id, next_invoice_on, bill_with_id, account_id, id) WHERE next_invoice_on IS NOT NULL

CREATE INDEX ix_subscription_member_id ON subscription (member_id)

CREATE TABLE visit_allowance (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	per TEXT,
	most INTEGER NOT NULL,
	from_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	given_by TEXT NOT NULL,
	source TEXT,
	given_at_ms INTEGER NOT NULL,
	closed_at_ms INTEGER,
	CONSTRAINT pk_visit_allowance PRIMARY KEY (id),
	CONSTRAINT uq_visit_allowance_member_id_source_from_ms UNIQUE (member_id, source, from_ms),
	CONSTRAINT ck_visit_allowance_per_known CHECK (per IS NULL OR per IN ('day', 'week', 'month')),
	CONSTRAINT ck_visit_allowance_most_counts CHECK (most >= 0),
	CONSTRAINT ck_visit_allowance_some_time CHECK (from_ms < until_ms),
	CONSTRAINT fk_visit_allowance_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_visit_allowance_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_visit_allowance_member_id ON visit_allowance (member_id)

CREATE TABLE visit_home (
	member_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	gateway_id TEXT,
	turn INTEGER NOT NULL,
	since_ms INTEGER NOT NULL,
	moving_to TEXT,
	stopped_at_ms INTEGER,
	CONSTRAINT pk_visit_home PRIMARY KEY (member_id),
	CONSTRAINT fk_visit_home_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_visit_home_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_visit_home_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_visit_home_moving_to FOREIGN KEY(moving_to) REFERENCES gateway (id)
)

CREATE INDEX ix_visit_home_gateway_id ON visit_home (gateway_id)

CREATE TABLE write_off (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	written_off_at_ms INTEGER NOT NULL,
	written_off_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_write_off PRIMARY KEY (id),
	CONSTRAINT uq_write_off_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT ck_write_off_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT fk_write_off_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_write_off_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_write_off_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_write_off_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_write_off_account_id ON write_off (account_id)

CREATE INDEX ix_write_off_invoice_id ON write_off (invoice_id)

CREATE TRIGGER write_off_no_update BEFORE UPDATE ON write_off BEGIN SELECT RAISE(ABORT, 'write_off rows never change: record a correction as a new row'); END

CREATE TRIGGER write_off_no_delete BEFORE DELETE ON write_off BEGIN SELECT RAISE(ABORT, 'write_off rows never change: record a correction as a new row'); END

CREATE TABLE alarm_seen (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	journal_event_id INTEGER NOT NULL,
	at_real_ms INTEGER NOT NULL,
	seen_by TEXT NOT NULL,
	CONSTRAINT pk_alarm_seen PRIMARY KEY (id),
	CONSTRAINT uq_alarm_seen_journal_event_id UNIQUE (journal_event_id),
	CONSTRAINT fk_alarm_seen_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_seen_journal_event_id FOREIGN KEY(journal_event_id) REFERENCES journal_event (id)
)

CREATE TRIGGER alarm_seen_no_update BEFORE UPDATE ON alarm_seen BEGIN SELECT RAISE(ABORT, 'alarm_seen rows never change: record a correction as a new row'); END

CREATE TRIGGER alarm_seen_no_delete BEFORE DELETE ON alarm_seen BEGIN SELECT RAISE(ABORT, 'alarm_seen rows never change: record a correction as a new row'); END

CREATE TABLE bank_match_undone (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	bank_match_id INTEGER NOT NULL,
	undone_at_ms INTEGER NOT NULL,
	undone_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_bank_match_undone PRIMARY KEY (id),
	CONSTRAINT uq_bank_match_undone_bank_match_id UNIQUE (bank_match_id),
	CONSTRAINT fk_bank_match_undone_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_match_undone_bank_match_id FOREIGN KEY(bank_match_id) REFERENCES bank_match (id)
)

CREATE TRIGGER bank_match_undone_no_update BEFORE UPDATE ON bank_match_undone BEGIN SELECT RAISE(ABORT, 'bank_match_undone rows never change: record a correction as a new row'); END

CREATE TRIGGER bank_match_undone_no_delete BEFORE DELETE ON bank_match_undone BEGIN SELECT RAISE(ABORT, 'bank_match_undone rows never change: record a correction as a new row'); END

CREATE TABLE billing_doubt (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	detail TEXT NOT NULL,
	raised_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_billing_doubt PRIMARY KEY (id),
	CONSTRAINT fk_billing_doubt_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_billing_doubt_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_billing_doubt_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_billing_doubt_account_id ON billing_doubt (account_id)

CREATE TRIGGER billing_doubt_no_update BEFORE UPDATE ON billing_doubt BEGIN SELECT RAISE(ABORT, 'billing_doubt rows never change: record a correction as a new row'); END

CREATE TRIGGER billing_doubt_no_delete BEFORE DELETE ON billing_doubt BEGIN SELECT RAISE(ABORT, 'billing_doubt rows never change: record a correction as a new row'); END

CREATE TABLE contract_document (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	contract_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	template_id INTEGER,
	wording TEXT NOT NULL,
	language TEXT NOT NULL,
	words TEXT NOT NULL,
	signer TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	prepared_at_ms INTEGER NOT NULL,
	prepared_by TEXT NOT NULL,
	CONSTRAINT pk_contract_document PRIMARY KEY (id),
	CONSTRAINT uq_contract_document_contract_id_version UNIQUE (contract_id, version),
	CONSTRAINT ck_contract_document_language_known CHECK (language IN ('en', 'fr')),
	CONSTRAINT ck_contract_document_signer_known CHECK (signer IN ('member', 'guardian')),
	CONSTRAINT ck_contract_document_sha256_hex CHECK (length(sha256) = 64),
	CONSTRAINT fk_contract_document_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_contract_document_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
	CONSTRAINT fk_contract_document_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id),
	CONSTRAINT fk_contract_document_template_id FOREIGN KEY(template_id) REFERENCES contract_template (id)
)

CREATE INDEX ix_contract_document_subscription_id ON contract_document (subscription_id)

CREATE TRIGGER contract_document_no_update BEFORE UPDATE ON contract_document BEGIN SELECT RAISE(ABORT, 'contract_document rows never change: record a correction as a new row'); END

CREATE TRIGGER contract_document_no_delete BEFORE DELETE ON contract_document BEGIN SELECT RAISE(ABORT, 'contract_document rows never change: record a correction as a new row'); END

CREATE TABLE coupon_use (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	coupon_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	member_number INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	used_at_ms INTEGER NOT NULL,
	used_by TEXT NOT NULL,
	CONSTRAINT pk_coupon_use PRIMARY KEY (id),
	CONSTRAINT uq_coupon_use_coupon_id_number UNIQUE (coupon_id, number),
	CONSTRAINT uq_coupon_use_coupon_id_member_id_member_number UNIQUE (coupon_id, member_id, member_number),
	CONSTRAINT uq_coupon_use_coupon_id_subscription_id UNIQUE (coupon_id, subscription_id),
	CONSTRAINT fk_coupon_use_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_coupon_use_coupon_id FOREIGN KEY(coupon_id) REFERENCES coupon (id),
	CONSTRAINT fk_coupon_use_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_coupon_use_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE TRIGGER coupon_use_no_update BEFORE UPDATE ON coupon_use BEGIN SELECT RAISE(ABORT, 'coupon_use rows never change: record a correction as a new row'); END

CREATE TRIGGER coupon_use_no_delete BEFORE DELETE ON coupon_use BEGIN SELECT RAISE(ABORT, 'coupon_use rows never change: record a correction as a new row'); END

CREATE TABLE credential_change (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	credential_id INTEGER NOT NULL,
	state TEXT NOT NULL,
	at_ms INTEGER,
	changed_by TEXT,
	CONSTRAINT pk_credential_change PRIMARY KEY (id),
	CONSTRAINT ck_credential_change_state_known CHECK (state IN ('active', 'blocked', 'lost', 'stolen', 'expired', 'replaced')),
	CONSTRAINT fk_credential_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credential_change_credential_id FOREIGN KEY(credential_id) REFERENCES credential (id)
)

CREATE INDEX ix_credential_change_credential_id ON credential_change (credential_id)

CREATE TRIGGER credential_change_no_update BEFORE UPDATE ON credential_change BEGIN SELECT RAISE(ABORT, 'credential_change rows never change: record a correction as a new row'); END

CREATE TRIGGER credential_change_no_delete BEFORE DELETE ON credential_change BEGIN SELECT RAISE(ABORT, 'credential_change rows never change: record a correction as a new row'); END

CREATE TABLE credit_note_tax (
	organisation_id INTEGER NOT NULL,
	credit_note_id INTEGER NOT NULL,
	tax TEXT NOT NULL,
	rate_ppm INTEGER NOT NULL,
	base_minor INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_credit_note_tax PRIMARY KEY (credit_note_id, tax, rate_ppm),
	CONSTRAINT fk_credit_note_tax_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credit_note_tax_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id)
)

CREATE TRIGGER credit_note_tax_no_update BEFORE UPDATE ON credit_note_tax BEGIN SELECT RAISE(ABORT, 'credit_note_tax rows never change: record a correction as a new row'); END

CREATE TRIGGER credit_note_tax_no_delete BEFORE DELETE ON credit_note_tax BEGIN SELECT RAISE(ABORT, 'credit_note_tax rows never change: record a correction as a new row'); END

CREATE TABLE dunning_promise (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	pay_on DATE NOT NULL,
	until_ms INTEGER NOT NULL,
	taken_at_ms INTEGER NOT NULL,
	taken_by TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_dunning_promise PRIMARY KEY (id),
	CONSTRAINT uq_dunning_promise_case_id_request_key UNIQUE (case_id, request_key),
	CONSTRAINT fk_dunning_promise_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dunning_promise_case_id FOREIGN KEY(case_id) REFERENCES dunning_case (id)
)

CREATE INDEX ix_dunning_promise_organisation_id_request_key ON dunning_promise (organisation_id, request_key)

CREATE TRIGGER dunning_promise_no_update BEFORE UPDATE ON dunning_promise BEGIN SELECT RAISE(ABORT, 'dunning_promise rows never change: record a correction as a new row'); END

CREATE TRIGGER dunning_promise_no_delete BEFORE DELETE ON dunning_promise BEGIN SELECT RAISE(ABORT, 'dunning_promise rows never change: record a correction as a new row'); END

CREATE TABLE dunning_step (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	case_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	kind TEXT NOT NULL,
	letter TEXT,
	planned_on DATE NOT NULL,
	timer_key TEXT NOT NULL,
	done_at_ms INTEGER,
	CONSTRAINT pk_dunning_step PRIMARY KEY (id),
	CONSTRAINT uq_dunning_step_case_id_number UNIQUE (case_id, number),
	CONSTRAINT uq_dunning_step_organisation_id_timer_key UNIQUE (organisation_id, timer_key),
	CONSTRAINT ck_dunning_step_kind_known CHECK (kind IN ('retry', 'promise', 'reminder', 'restriction', 'hand_over', 'cancellation', 'write_off')),
	CONSTRAINT ck_dunning_step_letter_known CHECK (letter IS NULL OR letter IN ('before_due', 'payment_failed', 'reminder', 'final_notice', 'action_required', 'promise_broken', 'suspended', 'restored', 'handed_over', 'cancelled_for_dues')),
	CONSTRAINT fk_dunning_step_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dunning_step_case_id FOREIGN KEY(case_id) REFERENCES dunning_case (id)
)

CREATE TABLE invoice_line (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	description TEXT NOT NULL,
	subscription_id INTEGER,
	component TEXT,
	price_id INTEGER,
	period_start DATE,
	period_end DATE,
	start_second INTEGER DEFAULT '0' NOT NULL,
	end_second INTEGER DEFAULT '0' NOT NULL,
	cycle_start DATE,
	cycle_end DATE,
	generation INTEGER,
	quantity INTEGER NOT NULL,
	unit_minor INTEGER NOT NULL,
	taken_from_minor INTEGER,
	priced_minor INTEGER NOT NULL,
	net_minor INTEGER NOT NULL,
	taxable BOOLEAN NOT NULL,
	CONSTRAINT pk_invoice_line PRIMARY KEY (id),
	CONSTRAINT ck_invoice_line_recurring_has_period CHECK (subscription_id IS NULL OR (component IS NOT NULL AND period_start IS NOT NULL AND (period_end > period_start OR (period_end = period_start AND end_second > start_second)) AND price_id IS NOT NULL AND cycle_start <= period_start AND cycle_end >= period_end AND generation IS NOT NULL)),
	CONSTRAINT fk_invoice_line_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_invoice_line_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id),
	CONSTRAINT fk_invoice_line_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id),
	CONSTRAINT fk_invoice_line_price_id FOREIGN KEY(price_id) REFERENCES price (id)
)

CREATE INDEX ix_invoice_line_invoice_id ON invoice_line (invoice_id)

CREATE UNIQUE INDEX uq_invoice_line_recurring ON invoice_line (subscription_id, component, period_start, start_second, generation) WHERE subscription_id IS NOT NULL

CREATE TRIGGER invoice_line_no_update BEFORE UPDATE ON invoice_line BEGIN SELECT RAISE(ABORT, 'invoice_line rows never change: record a correction as a new row'); END

CREATE TRIGGER invoice_line_no_delete BEFORE DELETE ON invoice_line BEGIN SELECT RAISE(ABORT, 'invoice_line rows never change: record a correction as a new row'); END

CREATE TABLE lawful_end (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	told_on DATE NOT NULL,
	since_on DATE NOT NULL,
	ends_on DATE NOT NULL,
	clause TEXT NOT NULL,
	kept_at_most_minor INTEGER NOT NULL,
	refund_due_on DATE,
	withdrawal BOOLEAN NOT NULL,
	recorded_at_ms INTEGER NOT NULL,
	recorded_by TEXT NOT NULL,
	settled_at_ms INTEGER,
	back_minor INTEGER,
	CONSTRAINT pk_lawful_end PRIMARY KEY (id),
	CONSTRAINT ck_lawful_end_kept_not_negative CHECK (kept_at_most_minor >= 0),
	CONSTRAINT fk_lawful_end_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_lawful_end_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_lawful_end_subscription_id ON lawful_end (subscription_id)

CREATE TABLE notice (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	message_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	facts JSON NOT NULL,
	told_on DATE NOT NULL,
	CONSTRAINT pk_notice PRIMARY KEY (id),
	CONSTRAINT uq_notice_message_id UNIQUE (message_id),
	CONSTRAINT ck_notice_kind_known CHECK (kind IN ('renewal_comes', 'renewal_offered', 'renewal_agreed', 'price_changes', 'price_stays', 'cancelled', 'withdrawn', 'freeze_agreed', 'way_to_leave')),
	CONSTRAINT fk_notice_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_notice_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_notice_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id),
	CONSTRAINT fk_notice_message_id FOREIGN KEY(message_id) REFERENCES message (id)
)

CREATE INDEX ix_notice_account_id ON notice (account_id)

CREATE INDEX ix_notice_subscription_id ON notice (subscription_id)

CREATE TRIGGER notice_no_update BEFORE UPDATE ON notice BEGIN SELECT RAISE(ABORT, 'notice rows never change: record a correction as a new row'); END

CREATE TRIGGER notice_no_delete BEFORE DELETE ON notice BEGIN SELECT RAISE(ABORT, 'notice rows never change: record a correction as a new row'); END

CREATE TABLE payment_attempt (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	intent_id INTEGER NOT NULL,
	payment_method_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	first_sent_at_ms INTEGER NOT NULL,
	held_until_ms INTEGER,
	CONSTRAINT pk_payment_attempt PRIMARY KEY (id),
	CONSTRAINT uq_payment_attempt_intent_id_number UNIQUE (intent_id, number),
	CONSTRAINT ck_payment_attempt_state_known CHECK (state IN ('sent', 'unknown', 'provider_down', 'pending', 'action_required', 'over')),
	CONSTRAINT fk_payment_attempt_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_attempt_intent_id FOREIGN KEY(intent_id) REFERENCES payment_intent (id),
	CONSTRAINT fk_payment_attempt_payment_method_id FOREIGN KEY(payment_method_id) REFERENCES payment_method (id),
	CONSTRAINT uq_payment_attempt_key UNIQUE ("key")
)

CREATE INDEX ix_payment_attempt_payment_method_id ON payment_attempt (payment_method_id)

CREATE UNIQUE INDEX uq_payment_attempt_live ON payment_attempt (intent_id) WHERE state <> 'over'

CREATE TABLE price_change_for (
	organisation_id INTEGER NOT NULL,
	price_change_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	holds_from_on DATE NOT NULL,
	refusable_until_on DATE NOT NULL,
	rises BOOLEAN NOT NULL,
	told_at_ms INTEGER,
	applied_at_ms INTEGER,
	CONSTRAINT pk_price_change_for PRIMARY KEY (price_change_id, subscription_id),
	CONSTRAINT fk_price_change_for_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_price_change_for_price_change_id FOREIGN KEY(price_change_id) REFERENCES price_change (id),
	CONSTRAINT fk_price_change_for_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_price_change_for_subscription_id ON price_change_for (subscription_id)

CREATE TABLE profile_change (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	profile_id INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	changed_by TEXT NOT NULL,
	fields JSON NOT NULL,
	sealed BLOB,
	CONSTRAINT pk_profile_change PRIMARY KEY (id),
	CONSTRAINT fk_profile_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_profile_change_profile_id FOREIGN KEY(profile_id) REFERENCES profile (id)
)

CREATE INDEX ix_profile_change_profile_id ON profile_change (profile_id)

CREATE TRIGGER profile_change_no_update BEFORE UPDATE ON profile_change BEGIN SELECT RAISE(ABORT, 'profile_change rows never change: record a correction as a new row'); END

CREATE TRIGGER profile_change_no_delete BEFORE DELETE ON profile_change BEGIN SELECT RAISE(ABORT, 'profile_change rows never change: record a correction as a new row'); END

CREATE TABLE profile_mark (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	profile_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	blind_index TEXT NOT NULL,
	CONSTRAINT pk_profile_mark PRIMARY KEY (id),
	CONSTRAINT ck_profile_mark_kind_known CHECK (kind IN ('phone', 'name_and_birth')),
	CONSTRAINT uq_profile_mark_profile_id_kind UNIQUE (profile_id, kind),
	CONSTRAINT fk_profile_mark_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_profile_mark_profile_id FOREIGN KEY(profile_id) REFERENCES profile (id)
)

CREATE INDEX ix_profile_mark_blind_index ON profile_mark (organisation_id, kind, blind_index)

CREATE TABLE question_answer (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	question_id INTEGER NOT NULL,
	answered_as TEXT NOT NULL,
	text TEXT NOT NULL,
	answered_by TEXT NOT NULL,
	answered_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_question_answer PRIMARY KEY (id),
	CONSTRAINT ck_question_answer_answered_as_known CHECK (answered_as IN ('explained', 'credited', 'withdrawn')),
	CONSTRAINT uq_question_answer_question_id UNIQUE (question_id),
	CONSTRAINT fk_question_answer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_question_answer_question_id FOREIGN KEY(question_id) REFERENCES invoice_question (id)
)

CREATE TRIGGER question_answer_no_update BEFORE UPDATE ON question_answer BEGIN SELECT RAISE(ABORT, 'question_answer rows never change: record a correction as a new row'); END

CREATE TRIGGER question_answer_no_delete BEFORE DELETE ON question_answer BEGIN SELECT RAISE(ABORT, 'question_answer rows never change: record a correction as a new row'); END

CREATE TABLE referral_reward (
	referral_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	given_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_referral_reward PRIMARY KEY (referral_id),
	CONSTRAINT fk_referral_reward_referral_id FOREIGN KEY(referral_id) REFERENCES referral (id),
	CONSTRAINT fk_referral_reward_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_referral_reward_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE TRIGGER referral_reward_no_update BEFORE UPDATE ON referral_reward BEGIN SELECT RAISE(ABORT, 'referral_reward rows never change: record a correction as a new row'); END

CREATE TRIGGER referral_reward_no_delete BEFORE DELETE ON referral_reward BEGIN SELECT RAISE(ABORT, 'referral_reward rows never change: record a correction as a new row'); END

CREATE TABLE sale_return (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	credit_note_id INTEGER NOT NULL,
	request_key TEXT NOT NULL,
	content_hash TEXT NOT NULL,
	CONSTRAINT pk_sale_return PRIMARY KEY (id),
	CONSTRAINT uq_sale_return_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT uq_sale_return_credit_note_id UNIQUE (credit_note_id),
	CONSTRAINT fk_sale_return_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sale_return_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id)
)

CREATE TRIGGER sale_return_no_update BEFORE UPDATE ON sale_return BEGIN SELECT RAISE(ABORT, 'sale_return rows never change: record a correction as a new row'); END

CREATE TRIGGER sale_return_no_delete BEFORE DELETE ON sale_return BEGIN SELECT RAISE(ABORT, 'sale_return rows never change: record a correction as a new row'); END

CREATE TABLE sepa_debit (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	mandate_id INTEGER NOT NULL,
	attempt_key TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	told_on DATE NOT NULL,
	collect_on DATE NOT NULL,
	state TEXT NOT NULL,
	code TEXT,
	file_id INTEGER,
	batch TEXT,
	CONSTRAINT pk_sepa_debit PRIMARY KEY (id),
	CONSTRAINT ck_sepa_debit_state_known CHECK (state IN ('waiting', 'in_file', 'succeeded', 'refused', 'returned')),
	CONSTRAINT ck_sepa_debit_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_sepa_debit_batch_if_file CHECK ((file_id IS NULL) = (batch IS NULL)),
	CONSTRAINT fk_sepa_debit_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_debit_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_sepa_debit_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_sepa_debit_mandate_id FOREIGN KEY(mandate_id) REFERENCES sepa_mandate (id),
	CONSTRAINT uq_sepa_debit_attempt_key UNIQUE (attempt_key),
	CONSTRAINT fk_sepa_debit_file_id FOREIGN KEY(file_id) REFERENCES sepa_file (id)
)

CREATE INDEX ix_sepa_debit_account_id ON sepa_debit (account_id)

CREATE INDEX ix_sepa_debit_batch ON sepa_debit (batch)

CREATE INDEX ix_sepa_debit_file_id ON sepa_debit (file_id)

CREATE INDEX ix_sepa_debit_mandate_id ON sepa_debit (mandate_id)

CREATE TRIGGER sepa_debit_attempt_key_fixed BEFORE UPDATE OF attempt_key ON sepa_debit WHEN OLD.attempt_key IS NOT NEW.attempt_key BEGIN SELECT RAISE(ABORT, 'sepa_debit.attempt_key never changes once written'); END

CREATE TRIGGER sepa_debit_amount_minor_fixed BEFORE UPDATE OF amount_minor ON sepa_debit WHEN OLD.amount_minor IS NOT NEW.amount_minor BEGIN SELECT RAISE(ABORT, 'sepa_debit.amount_minor never changes once written'); END

CREATE TRIGGER sepa_debit_mandate_id_fixed BEFORE UPDATE OF mandate_id ON sepa_debit WHEN OLD.mandate_id IS NOT NEW.mandate_id BEGIN SELECT RAISE(ABORT, 'sepa_debit.mandate_id never changes once written'); END

CREATE TABLE snapshot_chunk (
	snapshot_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	body BLOB NOT NULL,
	CONSTRAINT pk_snapshot_chunk PRIMARY KEY (snapshot_id, number),
	CONSTRAINT fk_snapshot_chunk_snapshot_id FOREIGN KEY(snapshot_id) REFERENCES snapshot (id) ON DELETE CASCADE,
	CONSTRAINT fk_snapshot_chunk_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE subscription_event (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	subscription_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	holds_from_on DATE NOT NULL,
	body JSON NOT NULL,
	recorded_at_ms INTEGER NOT NULL,
	recorded_by TEXT NOT NULL,
	reason TEXT,
	CONSTRAINT pk_subscription_event PRIMARY KEY (id),
	CONSTRAINT ck_subscription_event_kind_known CHECK (kind IN ('started', 'tariff_changed', 'frozen', 'resumed', 'discounted', 'shared', 'ended')),
	CONSTRAINT fk_subscription_event_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_subscription_event_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_subscription_event_subscription_id ON subscription_event (subscription_id)

CREATE TRIGGER subscription_event_no_update BEFORE UPDATE ON subscription_event BEGIN SELECT RAISE(ABORT, 'subscription_event rows never change: record a correction as a new row'); END

CREATE TRIGGER subscription_event_no_delete BEFORE DELETE ON subscription_event BEGIN SELECT RAISE(ABORT, 'subscription_event rows never change: record a correction as a new row'); END

CREATE TABLE subscription_transfer (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	from_subscription_id INTEGER NOT NULL,
	to_subscription_id INTEGER NOT NULL,
	holds_from_on DATE NOT NULL,
	fee_minor INTEGER NOT NULL,
	giver_agreed TEXT NOT NULL,
	taker_agreed TEXT NOT NULL,
	recorded_at_ms INTEGER NOT NULL,
	recorded_by TEXT NOT NULL,
	reason TEXT,
	CONSTRAINT pk_subscription_transfer PRIMARY KEY (id),
	CONSTRAINT uq_subscription_transfer_from_subscription_id UNIQUE (from_subscription_id),
	CONSTRAINT uq_subscription_transfer_to_subscription_id UNIQUE (to_subscription_id),
	CONSTRAINT ck_subscription_transfer_giver_agreed_known CHECK (giver_agreed IN ('in_person', 'in_writing', 'by_telephone')),
	CONSTRAINT ck_subscription_transfer_taker_agreed_known CHECK (taker_agreed IN ('in_person', 'in_writing', 'by_telephone')),
	CONSTRAINT ck_subscription_transfer_fee_not_negative CHECK (fee_minor >= 0),
	CONSTRAINT ck_subscription_transfer_to_another CHECK (from_subscription_id <> to_subscription_id),
	CONSTRAINT fk_subscription_transfer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_subscription_transfer_from_subscription_id FOREIGN KEY(from_subscription_id) REFERENCES subscription (id),
	CONSTRAINT fk_subscription_transfer_to_subscription_id FOREIGN KEY(to_subscription_id) REFERENCES subscription (id)
)

CREATE TRIGGER subscription_transfer_no_update BEFORE UPDATE ON subscription_transfer BEGIN SELECT RAISE(ABORT, 'subscription_transfer rows never change: record a correction as a new row'); END

CREATE TRIGGER subscription_transfer_no_delete BEFORE DELETE ON subscription_transfer BEGIN SELECT RAISE(ABORT, 'subscription_transfer rows never change: record a correction as a new row'); END

CREATE TABLE visit_spent (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	allowance_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	turn INTEGER NOT NULL,
	period TEXT NOT NULL,
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	sequence INTEGER NOT NULL,
	CONSTRAINT pk_visit_spent PRIMARY KEY (id),
	CONSTRAINT uq_visit_spent_gateway_id_journal_id_sequence_allowance_id UNIQUE (gateway_id, journal_id, sequence, allowance_id),
	CONSTRAINT fk_visit_spent_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_visit_spent_allowance_id FOREIGN KEY(allowance_id) REFERENCES visit_allowance (id),
	CONSTRAINT fk_visit_spent_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_visit_spent_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_visit_spent_allowance_id_period ON visit_spent (allowance_id, period)

CREATE TRIGGER visit_spent_no_update BEFORE UPDATE ON visit_spent BEGIN SELECT RAISE(ABORT, 'visit_spent rows never change: record a correction as a new row'); END

CREATE TRIGGER visit_spent_no_delete BEFORE DELETE ON visit_spent BEGIN SELECT RAISE(ABORT, 'visit_spent rows never change: record a correction as a new row'); END

CREATE TABLE visits_before (
	subscription_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	used INTEGER NOT NULL,
	CONSTRAINT pk_visits_before PRIMARY KEY (subscription_id),
	CONSTRAINT ck_visits_before_used_counts CHECK (used >= 0),
	CONSTRAINT fk_visits_before_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id),
	CONSTRAINT fk_visits_before_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER visits_before_no_update BEFORE UPDATE ON visits_before BEGIN SELECT RAISE(ABORT, 'visits_before rows never change: record a correction as a new row'); END

CREATE TRIGGER visits_before_no_delete BEFORE DELETE ON visits_before BEGIN SELECT RAISE(ABORT, 'visits_before rows never change: record a correction as a new row'); END

CREATE TABLE attempt_outcome (
	attempt_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	intent_id INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	code TEXT,
	provider_reference TEXT,
	at_ms INTEGER NOT NULL,
	CONSTRAINT pk_attempt_outcome PRIMARY KEY (attempt_id),
	CONSTRAINT ck_attempt_outcome_outcome_known CHECK (outcome IN ('succeeded', 'refused', 'abandoned')),
	CONSTRAINT fk_attempt_outcome_attempt_id FOREIGN KEY(attempt_id) REFERENCES payment_attempt (id),
	CONSTRAINT fk_attempt_outcome_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_attempt_outcome_intent_id FOREIGN KEY(intent_id) REFERENCES payment_intent (id)
)

CREATE INDEX ix_attempt_outcome_provider_reference ON attempt_outcome (organisation_id, provider_reference)

CREATE UNIQUE INDEX uq_attempt_outcome_success ON attempt_outcome (intent_id) WHERE outcome = 'succeeded'

CREATE TRIGGER attempt_outcome_no_update BEFORE UPDATE ON attempt_outcome BEGIN SELECT RAISE(ABORT, 'attempt_outcome rows never change: record a correction as a new row'); END

CREATE TRIGGER attempt_outcome_no_delete BEFORE DELETE ON attempt_outcome BEGIN SELECT RAISE(ABORT, 'attempt_outcome rows never change: record a correction as a new row'); END

CREATE TABLE contract_acceptance (
	document_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	accepted_at_ms INTEGER NOT NULL,
	accepted_at_real_ms INTEGER NOT NULL,
	how TEXT NOT NULL,
	witness TEXT,
	sha256 TEXT NOT NULL,
	CONSTRAINT pk_contract_acceptance PRIMARY KEY (document_id),
	CONSTRAINT ck_contract_acceptance_how_known CHECK (how IN ('desk', 'link')),
	CONSTRAINT ck_contract_acceptance_witness_at_desk CHECK ((how = 'desk') = (witness IS NOT NULL)),
	CONSTRAINT fk_contract_acceptance_document_id FOREIGN KEY(document_id) REFERENCES contract_document (id),
	CONSTRAINT fk_contract_acceptance_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER contract_acceptance_no_update BEFORE UPDATE ON contract_acceptance BEGIN SELECT RAISE(ABORT, 'contract_acceptance rows never change: record a correction as a new row'); END

CREATE TRIGGER contract_acceptance_no_delete BEFORE DELETE ON contract_acceptance BEGIN SELECT RAISE(ABORT, 'contract_acceptance rows never change: record a correction as a new row'); END

CREATE TABLE credit_note_line (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	credit_note_id INTEGER NOT NULL,
	invoice_line_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	description TEXT NOT NULL,
	period_start DATE,
	period_end DATE,
	start_second INTEGER DEFAULT '0' NOT NULL,
	end_second INTEGER DEFAULT '0' NOT NULL,
	priced_minor INTEGER NOT NULL,
	net_minor INTEGER NOT NULL,
	CONSTRAINT pk_credit_note_line PRIMARY KEY (id),
	CONSTRAINT fk_credit_note_line_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credit_note_line_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id),
	CONSTRAINT fk_credit_note_line_invoice_line_id FOREIGN KEY(invoice_line_id) REFERENCES invoice_line (id)
)

CREATE INDEX ix_credit_note_line_credit_note_id ON credit_note_line (credit_note_id)

CREATE INDEX ix_credit_note_line_invoice_line_id ON credit_note_line (invoice_line_id)

CREATE TRIGGER credit_note_line_no_update BEFORE UPDATE ON credit_note_line BEGIN SELECT RAISE(ABORT, 'credit_note_line rows never change: record a correction as a new row'); END

CREATE TRIGGER credit_note_line_no_delete BEFORE DELETE ON credit_note_line BEGIN SELECT RAISE(ABORT, 'credit_note_line rows never change: record a correction as a new row'); END

CREATE TABLE document_file (
	document_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	file BLOB NOT NULL,
	evidence BLOB,
	CONSTRAINT pk_document_file PRIMARY KEY (document_id),
	CONSTRAINT fk_document_file_document_id FOREIGN KEY(document_id) REFERENCES contract_document (id),
	CONSTRAINT fk_document_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE doubt_settled (
	doubt_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	settled_at_ms INTEGER NOT NULL,
	settled_by TEXT NOT NULL,
	note TEXT,
	CONSTRAINT pk_doubt_settled PRIMARY KEY (doubt_id),
	CONSTRAINT fk_doubt_settled_doubt_id FOREIGN KEY(doubt_id) REFERENCES billing_doubt (id),
	CONSTRAINT fk_doubt_settled_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER doubt_settled_no_update BEFORE UPDATE ON doubt_settled BEGIN SELECT RAISE(ABORT, 'doubt_settled rows never change: record a correction as a new row'); END

CREATE TRIGGER doubt_settled_no_delete BEFORE DELETE ON doubt_settled BEGIN SELECT RAISE(ABORT, 'doubt_settled rows never change: record a correction as a new row'); END

CREATE TABLE event_withdrawal (
	event_id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	withdrawn_at_ms INTEGER NOT NULL,
	withdrawn_by TEXT NOT NULL,
	CONSTRAINT pk_event_withdrawal PRIMARY KEY (event_id),
	CONSTRAINT fk_event_withdrawal_event_id FOREIGN KEY(event_id) REFERENCES subscription_event (id),
	CONSTRAINT fk_event_withdrawal_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TRIGGER event_withdrawal_no_update BEFORE UPDATE ON event_withdrawal BEGIN SELECT RAISE(ABORT, 'event_withdrawal rows never change: record a correction as a new row'); END

CREATE TRIGGER event_withdrawal_no_delete BEFORE DELETE ON event_withdrawal BEGIN SELECT RAISE(ABORT, 'event_withdrawal rows never change: record a correction as a new row'); END

CREATE TABLE payment (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	means TEXT NOT NULL,
	attempt_id INTEGER,
	request_key TEXT,
	taken_by TEXT,
	received_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_payment PRIMARY KEY (id),
	CONSTRAINT uq_payment_attempt_id UNIQUE (attempt_id),
	CONSTRAINT uq_payment_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT ck_payment_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_payment_attempt_if_provider CHECK ((means = 'provider') = (attempt_id IS NOT NULL)),
	CONSTRAINT ck_payment_means_known CHECK (means IN ('provider', 'cash', 'cheque', 'terminal', 'transfer', 'brought')),
	CONSTRAINT fk_payment_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payment_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payment_attempt_id FOREIGN KEY(attempt_id) REFERENCES payment_attempt (id)
)

CREATE INDEX ix_payment_account_id ON payment (account_id)

CREATE TRIGGER payment_no_update BEFORE UPDATE ON payment BEGIN SELECT RAISE(ABORT, 'payment rows never change: record a correction as a new row'); END

CREATE TRIGGER payment_no_delete BEFORE DELETE ON payment BEGIN SELECT RAISE(ABORT, 'payment rows never change: record a correction as a new row'); END

CREATE TABLE provider_payout_line (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	provider_payout_id INTEGER NOT NULL,
	reference TEXT NOT NULL,
	kind TEXT NOT NULL,
	gross_minor INTEGER NOT NULL,
	fee_minor INTEGER NOT NULL,
	charge TEXT,
	attempt_id INTEGER,
	CONSTRAINT pk_provider_payout_line PRIMARY KEY (id),
	CONSTRAINT uq_provider_payout_line_organisation_id_reference UNIQUE (organisation_id, reference),
	CONSTRAINT fk_provider_payout_line_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_payout_line_provider_payout_id FOREIGN KEY(provider_payout_id) REFERENCES provider_payout (id),
	CONSTRAINT fk_provider_payout_line_attempt_id FOREIGN KEY(attempt_id) REFERENCES payment_attempt (id)
)

CREATE INDEX ix_provider_payout_line_provider_payout_id ON provider_payout_line (provider_payout_id)

CREATE TRIGGER provider_payout_line_no_update BEFORE UPDATE ON provider_payout_line BEGIN SELECT RAISE(ABORT, 'provider_payout_line rows never change: record a correction as a new row'); END

CREATE TRIGGER provider_payout_line_no_delete BEFORE DELETE ON provider_payout_line BEGIN SELECT RAISE(ABORT, 'provider_payout_line rows never change: record a correction as a new row'); END

CREATE TABLE sepa_refund (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	debit_id INTEGER NOT NULL,
	refund_key TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	state TEXT NOT NULL,
	code TEXT,
	file_id INTEGER,
	batch TEXT,
	CONSTRAINT pk_sepa_refund PRIMARY KEY (id),
	CONSTRAINT ck_sepa_refund_state_known CHECK (state IN ('waiting', 'in_file', 'left', 'failed')),
	CONSTRAINT ck_sepa_refund_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_sepa_refund_batch_if_file CHECK ((file_id IS NULL) = (batch IS NULL)),
	CONSTRAINT fk_sepa_refund_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_refund_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_sepa_refund_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_sepa_refund_debit_id FOREIGN KEY(debit_id) REFERENCES sepa_debit (id),
	CONSTRAINT uq_sepa_refund_refund_key UNIQUE (refund_key),
	CONSTRAINT fk_sepa_refund_file_id FOREIGN KEY(file_id) REFERENCES sepa_file (id)
)

CREATE INDEX ix_sepa_refund_account_id ON sepa_refund (account_id)

CREATE INDEX ix_sepa_refund_batch ON sepa_refund (batch)

CREATE INDEX ix_sepa_refund_debit_id ON sepa_refund (debit_id)

CREATE INDEX ix_sepa_refund_file_id ON sepa_refund (file_id)

CREATE TRIGGER sepa_refund_refund_key_fixed BEFORE UPDATE OF refund_key ON sepa_refund WHEN OLD.refund_key IS NOT NEW.refund_key BEGIN SELECT RAISE(ABORT, 'sepa_refund.refund_key never changes once written'); END

CREATE TRIGGER sepa_refund_amount_minor_fixed BEFORE UPDATE OF amount_minor ON sepa_refund WHEN OLD.amount_minor IS NOT NEW.amount_minor BEGIN SELECT RAISE(ABORT, 'sepa_refund.amount_minor never changes once written'); END

CREATE TRIGGER sepa_refund_debit_id_fixed BEFORE UPDATE OF debit_id ON sepa_refund WHEN OLD.debit_id IS NOT NEW.debit_id BEGIN SELECT RAISE(ABORT, 'sepa_refund.debit_id never changes once written'); END

CREATE TABLE allocation (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	payment_id INTEGER,
	credit_note_id INTEGER,
	write_off_id INTEGER,
	invoice_id INTEGER NOT NULL,
	position INTEGER DEFAULT '1' NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_allocation PRIMARY KEY (id),
	CONSTRAINT uq_allocation_payment_id_invoice_id_position UNIQUE (payment_id, invoice_id, position),
	CONSTRAINT uq_allocation_credit_note_id_invoice_id_position UNIQUE (credit_note_id, invoice_id, position),
	CONSTRAINT uq_allocation_write_off_id UNIQUE (write_off_id),
	CONSTRAINT ck_allocation_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_allocation_of_one_source CHECK ((CASE WHEN payment_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN credit_note_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN write_off_id IS NULL THEN 0 ELSE 1 END) = 1),
	CONSTRAINT fk_allocation_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_allocation_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
	CONSTRAINT fk_allocation_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id),
	CONSTRAINT fk_allocation_write_off_id FOREIGN KEY(write_off_id) REFERENCES write_off (id),
	CONSTRAINT fk_allocation_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_allocation_invoice_id ON allocation (invoice_id)

CREATE TRIGGER allocation_no_update BEFORE UPDATE ON allocation BEGIN SELECT RAISE(ABORT, 'allocation rows never change: record a correction as a new row'); END

CREATE TRIGGER allocation_no_delete BEFORE DELETE ON allocation BEGIN SELECT RAISE(ABORT, 'allocation rows never change: record a correction as a new row'); END

CREATE TABLE dispute (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payment_id INTEGER NOT NULL,
	provider TEXT NOT NULL,
	reference TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	reason TEXT NOT NULL,
	debit BOOLEAN NOT NULL,
	state TEXT NOT NULL,
	taken BOOLEAN NOT NULL,
	answer_by_ms INTEGER,
	opened_at_ms INTEGER NOT NULL,
	cleared_at_ms INTEGER,
	CONSTRAINT pk_dispute PRIMARY KEY (id),
	CONSTRAINT uq_dispute_organisation_id_provider_reference UNIQUE (organisation_id, provider, reference),
	CONSTRAINT ck_dispute_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_dispute_state_known CHECK (state IN ('inquiry', 'inquiry_answered', 'inquiry_closed', 'open', 'answered', 'won', 'lost')),
	CONSTRAINT fk_dispute_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_dispute_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_dispute_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id)
)

CREATE INDEX ix_dispute_account_id ON dispute (account_id)

CREATE INDEX ix_dispute_organisation_id_id ON dispute (organisation_id, id)

CREATE INDEX ix_dispute_payment_id ON dispute (payment_id)

CREATE INDEX ix_dispute_to_answer ON dispute (organisation_id, answer_by_ms) WHERE state IN ('inquiry', 'open')

CREATE TABLE open_credit (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payment_id INTEGER,
	credit_note_id INTEGER,
	currency TEXT NOT NULL,
	left_minor INTEGER NOT NULL,
	CONSTRAINT pk_open_credit PRIMARY KEY (id),
	CONSTRAINT uq_open_credit_payment_id UNIQUE (payment_id),
	CONSTRAINT uq_open_credit_credit_note_id UNIQUE (credit_note_id),
	CONSTRAINT ck_open_credit_something_left CHECK (left_minor > 0),
	CONSTRAINT ck_open_credit_of_one_source CHECK ((payment_id IS NULL) <> (credit_note_id IS NULL)),
	CONSTRAINT fk_open_credit_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_open_credit_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_open_credit_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
	CONSTRAINT fk_open_credit_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id)
)

CREATE INDEX ix_open_credit_account_id ON open_credit (account_id)

CREATE TABLE payment_return (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payment_id INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	from_credit_minor INTEGER NOT NULL,
	lost_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	kind TEXT NOT NULL,
	code TEXT NOT NULL,
	request_key TEXT NOT NULL,
	noted_by TEXT NOT NULL,
	returned_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_payment_return PRIMARY KEY (id),
	CONSTRAINT uq_payment_return_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT ck_payment_return_parts_positive CHECK (from_credit_minor >= 0 AND lost_minor >= 0),
	CONSTRAINT ck_payment_return_amount_positive CHECK (amount_minor > 0 AND amount_minor >= from_credit_minor + lost_minor),
	CONSTRAINT ck_payment_return_kind_known CHECK (kind IN ('returned', 'disputed', 'bounced', 'mistaken')),
	CONSTRAINT fk_payment_return_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_return_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payment_return_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payment_return_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id)
)

CREATE INDEX ix_payment_return_account_id ON payment_return (account_id)

CREATE INDEX ix_payment_return_payment_id ON payment_return (payment_id)

CREATE TRIGGER payment_return_no_update BEFORE UPDATE ON payment_return BEGIN SELECT RAISE(ABORT, 'payment_return rows never change: record a correction as a new row'); END

CREATE TRIGGER payment_return_no_delete BEFORE DELETE ON payment_return BEGIN SELECT RAISE(ABORT, 'payment_return rows never change: record a correction as a new row'); END

CREATE TABLE payout (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payment_id INTEGER,
	credit_note_id INTEGER,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	asked_at_ms INTEGER NOT NULL,
	asked_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	position INTEGER NOT NULL,
	CONSTRAINT pk_payout PRIMARY KEY (id),
	CONSTRAINT uq_payout_organisation_id_request_key_position UNIQUE (organisation_id, request_key, position),
	CONSTRAINT ck_payout_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_payout_of_one_source CHECK ((payment_id IS NULL) <> (credit_note_id IS NULL)),
	CONSTRAINT fk_payout_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payout_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payout_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payout_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
	CONSTRAINT fk_payout_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id)
)

CREATE INDEX ix_payout_account_id ON payout (account_id)

CREATE INDEX ix_payout_credit_note_id ON payout (credit_note_id)

CREATE INDEX ix_payout_payment_id ON payout (payment_id)

CREATE TRIGGER payout_no_update BEFORE UPDATE ON payout BEGIN SELECT RAISE(ABORT, 'payout rows never change: record a correction as a new row'); END

CREATE TRIGGER payout_no_delete BEFORE DELETE ON payout BEGIN SELECT RAISE(ABORT, 'payout rows never change: record a correction as a new row'); END

CREATE TABLE allocation_undone (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	payment_return_id INTEGER NOT NULL,
	allocation_id INTEGER NOT NULL,
	after_id INTEGER NOT NULL,
	invoice_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	CONSTRAINT pk_allocation_undone PRIMARY KEY (id),
	CONSTRAINT uq_allocation_undone_payment_return_id_allocation_id UNIQUE (payment_return_id, allocation_id),
	CONSTRAINT ck_allocation_undone_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT fk_allocation_undone_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_allocation_undone_payment_return_id FOREIGN KEY(payment_return_id) REFERENCES payment_return (id),
	CONSTRAINT fk_allocation_undone_allocation_id FOREIGN KEY(allocation_id) REFERENCES allocation (id),
	CONSTRAINT fk_allocation_undone_after_id FOREIGN KEY(after_id) REFERENCES allocation (id),
	CONSTRAINT fk_allocation_undone_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_allocation_undone_allocation_id ON allocation_undone (allocation_id)

CREATE INDEX ix_allocation_undone_invoice_id ON allocation_undone (invoice_id)

CREATE TRIGGER allocation_undone_no_update BEFORE UPDATE ON allocation_undone BEGIN SELECT RAISE(ABORT, 'allocation_undone rows never change: record a correction as a new row'); END

CREATE TRIGGER allocation_undone_no_delete BEFORE DELETE ON allocation_undone BEGIN SELECT RAISE(ABORT, 'allocation_undone rows never change: record a correction as a new row'); END

CREATE TABLE dispute_evidence (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	dispute_id INTEGER NOT NULL,
	text TEXT NOT NULL,
	documents JSON NOT NULL,
	given_by TEXT NOT NULL,
	given_at_ms INTEGER NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_dispute_evidence PRIMARY KEY (id),
	CONSTRAINT uq_dispute_evidence_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT fk_dispute_evidence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_evidence_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id)
)

CREATE INDEX ix_dispute_evidence_dispute_id ON dispute_evidence (dispute_id)

CREATE TRIGGER dispute_evidence_no_update BEFORE UPDATE ON dispute_evidence BEGIN SELECT RAISE(ABORT, 'dispute_evidence rows never change: record a correction as a new row'); END

CREATE TRIGGER dispute_evidence_no_delete BEFORE DELETE ON dispute_evidence BEGIN SELECT RAISE(ABORT, 'dispute_evidence rows never change: record a correction as a new row'); END

CREATE TABLE dispute_fee (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	dispute_id INTEGER NOT NULL,
	reference TEXT NOT NULL,
	fee_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	told_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_dispute_fee PRIMARY KEY (id),
	CONSTRAINT uq_dispute_fee_organisation_id_reference UNIQUE (organisation_id, reference),
	CONSTRAINT ck_dispute_fee_fee_is_something CHECK (fee_minor <> 0),
	CONSTRAINT fk_dispute_fee_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_fee_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_dispute_fee_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id)
)

CREATE INDEX ix_dispute_fee_dispute_id ON dispute_fee (dispute_id)

CREATE TRIGGER dispute_fee_no_update BEFORE UPDATE ON dispute_fee BEGIN SELECT RAISE(ABORT, 'dispute_fee rows never change: record a correction as a new row'); END

CREATE TRIGGER dispute_fee_no_delete BEFORE DELETE ON dispute_fee BEGIN SELECT RAISE(ABORT, 'dispute_fee rows never change: record a correction as a new row'); END

CREATE TABLE dispute_step (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	dispute_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	noted_by TEXT NOT NULL,
	note TEXT,
	at_ms INTEGER NOT NULL,
	CONSTRAINT pk_dispute_step PRIMARY KEY (id),
	CONSTRAINT ck_dispute_step_kind_known CHECK (kind IN ('inquiry', 'open', 'evidence', 'inquiry_answered', 'answered', 'won', 'lost', 'inquiry_closed', 'cleared')),
	CONSTRAINT fk_dispute_step_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_step_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id)
)

CREATE INDEX ix_dispute_step_dispute_id ON dispute_step (dispute_id)

CREATE TRIGGER dispute_step_no_update BEFORE UPDATE ON dispute_step BEGIN SELECT RAISE(ABORT, 'dispute_step rows never change: record a correction as a new row'); END

CREATE TRIGGER dispute_step_no_delete BEFORE DELETE ON dispute_step BEGIN SELECT RAISE(ABORT, 'dispute_step rows never change: record a correction as a new row'); END

CREATE TABLE refund_attempt (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	payout_id INTEGER NOT NULL,
	payment_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	provider TEXT NOT NULL,
	charge TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	first_sent_at_ms INTEGER NOT NULL,
	code TEXT,
	provider_reference TEXT,
	CONSTRAINT pk_refund_attempt PRIMARY KEY (id),
	CONSTRAINT ck_refund_attempt_state_known CHECK (state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt', 'paid', 'over', 'came_back')),
	CONSTRAINT ck_refund_attempt_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT uq_refund_attempt_payout_id_number UNIQUE (payout_id, number),
	CONSTRAINT fk_refund_attempt_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_refund_attempt_payout_id FOREIGN KEY(payout_id) REFERENCES payout (id),
	CONSTRAINT fk_refund_attempt_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
	CONSTRAINT uq_refund_attempt_key UNIQUE ("key")
)

CREATE INDEX ix_refund_attempt_payment_id ON refund_attempt (payment_id)

CREATE UNIQUE INDEX uq_refund_attempt_live ON refund_attempt (payout_id) WHERE state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt')

CREATE TABLE taking (
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	payment_id INTEGER NOT NULL,
	return_id INTEGER,
	account_id INTEGER NOT NULL,
	taken_on DATE NOT NULL,
	received_at_ms INTEGER NOT NULL,
	means TEXT NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	settles JSON NOT NULL,
	previous_hash TEXT NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT pk_taking PRIMARY KEY (legal_entity_id, number),
	CONSTRAINT uq_taking_return_id UNIQUE (return_id),
	CONSTRAINT ck_taking_number_positive CHECK (number > 0),
	CONSTRAINT ck_taking_return_negative CHECK ((return_id IS NULL) = (amount_minor > 0)),
	CONSTRAINT fk_taking_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_taking_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_taking_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
	CONSTRAINT fk_taking_return_id FOREIGN KEY(return_id) REFERENCES payment_return (id),
	CONSTRAINT fk_taking_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_taking_taken_on ON taking (taken_on)

CREATE UNIQUE INDEX uq_taking_payment_id ON taking (payment_id) WHERE return_id IS NULL

CREATE TRIGGER taking_no_update BEFORE UPDATE ON taking BEGIN SELECT RAISE(ABORT, 'taking rows never change: record a correction as a new row'); END

CREATE TRIGGER taking_no_delete BEFORE DELETE ON taking BEGIN SELECT RAISE(ABORT, 'taking rows never change: record a correction as a new row'); END

CREATE TABLE dispute_document (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	dispute_evidence_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	media_type TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	sealed BLOB,
	CONSTRAINT pk_dispute_document PRIMARY KEY (id),
	CONSTRAINT ck_dispute_document_kind_known CHECK (kind IN ('contract', 'receipt', 'letters', 'visits', 'cancellation', 'other')),
	CONSTRAINT uq_dispute_document_dispute_evidence_id_kind UNIQUE (dispute_evidence_id, kind),
	CONSTRAINT ck_dispute_document_sha256_hex CHECK (length(sha256) = 64),
	CONSTRAINT fk_dispute_document_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_document_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_dispute_document_dispute_evidence_id FOREIGN KEY(dispute_evidence_id) REFERENCES dispute_evidence (id)
)

CREATE INDEX ix_dispute_document_account_id ON dispute_document (account_id)

CREATE TABLE payout_paid (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payout_id INTEGER NOT NULL,
	means TEXT NOT NULL,
	refund_attempt_id INTEGER,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	paid_by TEXT NOT NULL,
	paid_at_ms INTEGER NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_payout_paid PRIMARY KEY (id),
	CONSTRAINT ck_payout_paid_means_known CHECK (means IN ('provider', 'cash', 'cheque', 'transfer')),
	CONSTRAINT uq_payout_paid_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT uq_payout_paid_refund_attempt_id UNIQUE (refund_attempt_id),
	CONSTRAINT ck_payout_paid_attempt_if_provider CHECK ((means = 'provider') = (refund_attempt_id IS NOT NULL)),
	CONSTRAINT fk_payout_paid_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payout_paid_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payout_paid_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payout_paid_payout_id FOREIGN KEY(payout_id) REFERENCES payout (id),
	CONSTRAINT fk_payout_paid_refund_attempt_id FOREIGN KEY(refund_attempt_id) REFERENCES refund_attempt (id)
)

CREATE INDEX ix_payout_paid_account_id ON payout_paid (account_id)

CREATE INDEX ix_payout_paid_payout_id ON payout_paid (payout_id)

CREATE TRIGGER payout_paid_no_update BEFORE UPDATE ON payout_paid BEGIN SELECT RAISE(ABORT, 'payout_paid rows never change: record a correction as a new row'); END

CREATE TRIGGER payout_paid_no_delete BEFORE DELETE ON payout_paid BEGIN SELECT RAISE(ABORT, 'payout_paid rows never change: record a correction as a new row'); END

CREATE TABLE payout_came_back (
	id INTEGER NOT NULL,
	organisation_id INTEGER NOT NULL,
	legal_entity_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	payout_paid_id INTEGER NOT NULL,
	amount_minor INTEGER NOT NULL,
	currency TEXT NOT NULL,
	code TEXT NOT NULL,
	came_back_at_ms INTEGER NOT NULL,
	CONSTRAINT pk_payout_came_back PRIMARY KEY (id),
	CONSTRAINT uq_payout_came_back_payout_paid_id UNIQUE (payout_paid_id),
	CONSTRAINT fk_payout_came_back_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payout_came_back_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payout_came_back_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payout_came_back_payout_paid_id FOREIGN KEY(payout_paid_id) REFERENCES payout_paid (id)
)

CREATE TRIGGER payout_came_back_no_update BEFORE UPDATE ON payout_came_back BEGIN SELECT RAISE(ABORT, 'payout_came_back rows never change: record a correction as a new row'); END

CREATE TRIGGER payout_came_back_no_delete BEFORE DELETE ON payout_came_back BEGIN SELECT RAISE(ABORT, 'payout_came_back rows never change: record a correction as a new row'); END
