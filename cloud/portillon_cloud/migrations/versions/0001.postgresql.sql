CREATE TABLE failed_sign_in (
	id BIGSERIAL NOT NULL,
	subject TEXT NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_failed_sign_in PRIMARY KEY (id)
)

CREATE INDEX ix_failed_sign_in_at ON failed_sign_in (at_ms)

CREATE INDEX ix_failed_sign_in_subject ON failed_sign_in (subject, at_ms)

CREATE TABLE organisation (
	id BIGSERIAL NOT NULL,
	mode TEXT NOT NULL,
	name TEXT NOT NULL,
	country TEXT NOT NULL,
	province TEXT,
	language TEXT NOT NULL,
	time_zone TEXT NOT NULL,
	created_at_real_ms BIGINT NOT NULL,
	CONSTRAINT pk_organisation PRIMARY KEY (id),
	CONSTRAINT uq_organisation_id_mode UNIQUE (id, mode),
	CONSTRAINT ck_organisation_mode_known CHECK (mode IN ('live', 'test')),
	CONSTRAINT ck_organisation_language_known CHECK (language IN ('en', 'fr'))
)

CREATE OR REPLACE FUNCTION organisation_mode_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'organisation.mode never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER organisation_mode_fixed BEFORE UPDATE OF mode ON organisation FOR EACH ROW WHEN (OLD.mode IS DISTINCT FROM NEW.mode) EXECUTE FUNCTION organisation_mode_fixed_refuse()

CREATE TABLE sim_charge (
	id BIGSERIAL NOT NULL,
	idempotency_key TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	token TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	outcome TEXT NOT NULL,
	code TEXT,
	made_at_ms BIGINT NOT NULL,
	settles_at_ms BIGINT,
	settles_as TEXT,
	settles_code TEXT,
	CONSTRAINT pk_sim_charge PRIMARY KEY (id),
	CONSTRAINT uq_sim_charge_idempotency_key UNIQUE (idempotency_key)
)

CREATE TABLE sim_refund (
	id BIGSERIAL NOT NULL,
	idempotency_key TEXT NOT NULL,
	charge_key TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	CONSTRAINT pk_sim_refund PRIMARY KEY (id),
	CONSTRAINT uq_sim_refund_idempotency_key UNIQUE (idempotency_key)
)

CREATE INDEX ix_sim_refund_charge_key ON sim_refund (charge_key)

CREATE TABLE alarm_acknowledgement (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	at_real_ms BIGINT,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	note TEXT NOT NULL,
	is_over BOOLEAN NOT NULL,
	CONSTRAINT pk_alarm_acknowledgement PRIMARY KEY (id),
	CONSTRAINT fk_alarm_acknowledgement_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION alarm_acknowledgement_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'alarm_acknowledgement rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER alarm_acknowledgement_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_acknowledgement FOR EACH STATEMENT EXECUTE FUNCTION alarm_acknowledgement_refuse()

CREATE TABLE answered_request (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	key_hash TEXT NOT NULL,
	content_hash TEXT NOT NULL,
	asked_at_real_ms BIGINT NOT NULL,
	answer TEXT,
	CONSTRAINT pk_answered_request PRIMARY KEY (id),
	CONSTRAINT uq_answered_request_organisation_id_key_hash UNIQUE (organisation_id, key_hash),
	CONSTRAINT fk_answered_request_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_answered_request_organisation_id_asked_at_real_ms ON answered_request (organisation_id, asked_at_real_ms)

CREATE OR REPLACE FUNCTION answered_request_content_hash_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'answered_request.content_hash never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER answered_request_content_hash_fixed BEFORE UPDATE OF content_hash ON answered_request FOR EACH ROW WHEN (OLD.content_hash IS DISTINCT FROM NEW.content_hash) EXECUTE FUNCTION answered_request_content_hash_fixed_refuse()

CREATE TABLE api_key (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	key_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	revoked_ms BIGINT,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT ck_api_key_role_known CHECK (role IN ('owner', 'desk', 'technician')),
	CONSTRAINT fk_api_key_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT uq_api_key_key_hash UNIQUE (key_hash)
)

CREATE INDEX ix_api_key_organisation ON api_key (organisation_id, id)

CREATE TABLE audit_run (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	ran_at_ms BIGINT NOT NULL,
	checks INTEGER NOT NULL,
	found INTEGER NOT NULL,
	CONSTRAINT pk_audit_run PRIMARY KEY (id),
	CONSTRAINT fk_audit_run_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_audit_run_organisation_id ON audit_run (organisation_id, id)

CREATE OR REPLACE FUNCTION audit_run_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit_run rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER audit_run_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_run FOR EACH STATEMENT EXECUTE FUNCTION audit_run_refuse()

CREATE TABLE clock_job (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	mode TEXT DEFAULT 'test' NOT NULL,
	target_ms BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	law TEXT NOT NULL,
	language TEXT NOT NULL,
	version INTEGER NOT NULL,
	body TEXT NOT NULL,
	made_at_ms BIGINT NOT NULL,
	made_by TEXT NOT NULL,
	CONSTRAINT pk_contract_template PRIMARY KEY (id),
	CONSTRAINT uq_contract_template_organisation_id_law_language_version UNIQUE (organisation_id, law, language, version),
	CONSTRAINT ck_contract_template_law_known CHECK (law IN ('ca-qc', 'fr', 'none')),
	CONSTRAINT ck_contract_template_language_known CHECK (language IN ('en', 'fr')),
	CONSTRAINT fk_contract_template_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION contract_template_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'contract_template rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER contract_template_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON contract_template FOR EACH STATEMENT EXECUTE FUNCTION contract_template_refuse()

CREATE TABLE coupon (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	code TEXT NOT NULL,
	share_ppm INTEGER NOT NULL,
	amount_minor BIGINT NOT NULL,
	cycles INTEGER,
	waives_joining BOOLEAN NOT NULL,
	plans JSON,
	valid_until_on DATE,
	uses_most INTEGER,
	member_uses_most INTEGER NOT NULL,
	active BOOLEAN DEFAULT true NOT NULL,
	made_at_ms BIGINT NOT NULL,
	made_by TEXT NOT NULL,
	CONSTRAINT pk_coupon PRIMARY KEY (id),
	CONSTRAINT uq_coupon_organisation_id_code UNIQUE (organisation_id, code),
	CONSTRAINT ck_coupon_not_negative CHECK (share_ppm BETWEEN 0 AND 1000000 AND amount_minor >= 0),
	CONSTRAINT fk_coupon_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE desk_policy (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_desk_policy PRIMARY KEY (id),
	CONSTRAINT uq_desk_policy_organisation_id UNIQUE (organisation_id),
	CONSTRAINT fk_desk_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE dunning_policy (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_dunning_policy PRIMARY KEY (id),
	CONSTRAINT uq_dunning_policy_organisation_id UNIQUE (organisation_id),
	CONSTRAINT fk_dunning_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE forecast_policy (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_forecast_policy PRIMARY KEY (id),
	CONSTRAINT uq_forecast_policy_organisation_id UNIQUE (organisation_id),
	CONSTRAINT fk_forecast_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE fraud_policy (
	organisation_id BIGINT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_fraud_policy PRIMARY KEY (organisation_id),
	CONSTRAINT fk_fraud_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE inbox_event (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	provider TEXT NOT NULL,
	event_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	topic TEXT NOT NULL,
	object_id TEXT NOT NULL,
	created_s BIGINT NOT NULL,
	received_at_real_ms BIGINT NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	retry_at_real_ms BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	provider TEXT NOT NULL,
	heard_until_s BIGINT NOT NULL,
	sweep_at_real_ms BIGINT NOT NULL,
	error TEXT,
	CONSTRAINT pk_inbox_source PRIMARY KEY (id),
	CONSTRAINT uq_inbox_source_organisation_id_provider UNIQUE (organisation_id, provider),
	CONSTRAINT fk_inbox_source_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_inbox_source_sweep_at ON inbox_source (sweep_at_real_ms)

CREATE TABLE ledger_entry (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	currency TEXT NOT NULL,
	occurred_on DATE NOT NULL,
	recorded_at_ms BIGINT NOT NULL,
	kind TEXT NOT NULL,
	source TEXT NOT NULL,
	CONSTRAINT pk_ledger_entry PRIMARY KEY (id),
	CONSTRAINT uq_ledger_entry_organisation_id_kind_source UNIQUE (organisation_id, kind, source),
	CONSTRAINT uq_ledger_entry_organisation_id_legal_entity_id_currency_id UNIQUE (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT fk_ledger_entry_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION ledger_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ledger_entry rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER ledger_entry_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_refuse()

CREATE TABLE legal_entity (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	provider TEXT NOT NULL,
	reference TEXT NOT NULL,
	publishable_key TEXT,
	secret_sealed BYTEA NOT NULL,
	secret_last4 TEXT NOT NULL,
	webhook_secret_sealed BYTEA,
	api_version TEXT NOT NULL,
	since_ms BIGINT NOT NULL,
	until_ms BIGINT,
	entered_by TEXT NOT NULL,
	CONSTRAINT pk_provider_account PRIMARY KEY (id),
	CONSTRAINT uq_provider_account_organisation_id_provider_reference UNIQUE (organisation_id, provider, reference),
	CONSTRAINT fk_provider_account_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_provider_account_ends_after_it_began CHECK (until_ms IS NULL OR until_ms >= since_ms),
	CONSTRAINT fk_provider_account_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE UNIQUE INDEX uq_provider_account_current ON provider_account (organisation_id, provider) WHERE until_ms IS NULL

CREATE TABLE referral_terms (
	organisation_id BIGINT NOT NULL,
	share_ppm INTEGER NOT NULL,
	amount_minor BIGINT NOT NULL,
	cycles INTEGER NOT NULL,
	CONSTRAINT pk_referral_terms PRIMARY KEY (organisation_id),
	CONSTRAINT fk_referral_terms_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE sharing_policy (
	organisation_id BIGINT NOT NULL,
	refuse_from INTEGER NOT NULL,
	CONSTRAINT pk_sharing_policy PRIMARY KEY (organisation_id),
	CONSTRAINT ck_sharing_policy_after_something CHECK (refuse_from >= 1),
	CONSTRAINT fk_sharing_policy_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE sim_card (
	token TEXT NOT NULL,
	organisation_id BIGINT NOT NULL,
	mode TEXT DEFAULT 'test' NOT NULL,
	behaviour TEXT NOT NULL,
	CONSTRAINT pk_sim_card PRIMARY KEY (token),
	CONSTRAINT fk_sim_card_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_sim_card_test_only CHECK (mode = 'test')
)

CREATE TABLE staff (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	role TEXT NOT NULL,
	language TEXT NOT NULL,
	created_ms BIGINT NOT NULL,
	CONSTRAINT pk_staff PRIMARY KEY (id),
	CONSTRAINT ck_staff_role_known CHECK (role IN ('owner', 'desk', 'technician')),
	CONSTRAINT fk_staff_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT uq_staff_email UNIQUE (email)
)

CREATE INDEX ix_staff_organisation ON staff (organisation_id, id)

CREATE TABLE test_clock (
	organisation_id BIGINT NOT NULL,
	mode TEXT DEFAULT 'test' NOT NULL,
	business_ms BIGINT NOT NULL,
	set_at_real_ms BIGINT NOT NULL,
	rate INTEGER NOT NULL,
	clock_rev BIGINT NOT NULL,
	CONSTRAINT pk_test_clock PRIMARY KEY (organisation_id),
	CONSTRAINT fk_test_clock_organisation_id_mode FOREIGN KEY(organisation_id, mode) REFERENCES organisation (id, mode),
	CONSTRAINT ck_test_clock_test_only CHECK (mode = 'test'),
	CONSTRAINT ck_test_clock_rate_known CHECK (rate IN (0, 1))
)

CREATE TABLE timer (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	subject_id BIGINT NOT NULL,
	key TEXT NOT NULL,
	due_at_ms BIGINT NOT NULL,
	retry_at_real_ms BIGINT NOT NULL,
	state TEXT NOT NULL,
	worker TEXT,
	lease_until_real_ms BIGINT,
	attempts INTEGER NOT NULL,
	error TEXT,
	CONSTRAINT pk_timer PRIMARY KEY (id),
	CONSTRAINT uq_timer_organisation_id_key UNIQUE (organisation_id, key),
	CONSTRAINT ck_timer_state_known CHECK (state IN ('ready', 'running', 'done', 'failed')),
	CONSTRAINT fk_timer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_timer_ready ON timer (organisation_id, due_at_ms) WHERE state = 'ready'

CREATE INDEX ix_timer_running ON timer (organisation_id, lease_until_real_ms) WHERE state = 'running'

CREATE TABLE webhook_endpoint (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	url TEXT NOT NULL,
	description TEXT NOT NULL,
	kinds JSON NOT NULL,
	secret_sealed BYTEA NOT NULL,
	old_secret_sealed BYTEA,
	old_secret_until_real_ms BIGINT,
	state TEXT NOT NULL,
	made_at_real_ms BIGINT NOT NULL,
	made_by TEXT NOT NULL,
	answered_at_real_ms BIGINT,
	failing_since_real_ms BIGINT,
	failures INTEGER DEFAULT '0' NOT NULL,
	last_error TEXT,
	off_at_real_ms BIGINT,
	tell_owners_at_real_ms BIGINT,
	CONSTRAINT pk_webhook_endpoint PRIMARY KEY (id),
	CONSTRAINT ck_webhook_endpoint_state_known CHECK (state IN ('active', 'paused', 'failing', 'gone', 'removed')),
	CONSTRAINT fk_webhook_endpoint_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_webhook_endpoint_organisation ON webhook_endpoint (organisation_id, id)

CREATE TABLE webhook_event (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	subject_id BIGINT NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_webhook_event PRIMARY KEY (id),
	CONSTRAINT ck_webhook_event_kind_known CHECK (kind IN ('member.created', 'subscription.started', 'subscription.changed', 'subscription.ended', 'invoice.issued', 'credit_note.issued', 'payment.succeeded', 'payment.failed', 'payment.action_required', 'payment.returned', 'dispute.opened', 'dispute.answered', 'dispute.closed', 'dispute.cleared', 'refund.paid', 'account.suspected', 'standing.changed', 'attendance.passage', 'endpoint.failing', 'endpoint.ping')),
	CONSTRAINT fk_webhook_event_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_webhook_event_organisation_id_at_ms ON webhook_event (organisation_id, at_ms)

CREATE TABLE account (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	currency TEXT NOT NULL,
	through_on DATE,
	closed_at_ms BIGINT NOT NULL,
	closed_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_accounting_close PRIMARY KEY (id),
	CONSTRAINT fk_accounting_close_organisation_id_legal_entity_id_currency FOREIGN KEY(organisation_id, legal_entity_id, currency) REFERENCES legal_entity (organisation_id, id, currency),
	CONSTRAINT fk_accounting_close_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE INDEX ix_accounting_close_book ON accounting_close (legal_entity_id, id)

CREATE OR REPLACE FUNCTION accounting_close_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'accounting_close rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER accounting_close_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting_close FOR EACH STATEMENT EXECUTE FUNCTION accounting_close_refuse()

CREATE TABLE audit_finding (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	run_id BIGINT NOT NULL,
	code TEXT NOT NULL,
	subject TEXT NOT NULL,
	facts JSON NOT NULL,
	CONSTRAINT pk_audit_finding PRIMARY KEY (id),
	CONSTRAINT fk_audit_finding_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_audit_finding_run_id FOREIGN KEY(run_id) REFERENCES audit_run (id)
)

CREATE INDEX ix_audit_finding_organisation_id ON audit_finding (organisation_id, id)

CREATE INDEX ix_audit_finding_run_id ON audit_finding (run_id)

CREATE OR REPLACE FUNCTION audit_finding_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit_finding rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER audit_finding_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_finding FOR EACH STATEMENT EXECUTE FUNCTION audit_finding_refuse()

CREATE TABLE bank_file (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	message_id TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	received_at_ms BIGINT NOT NULL,
	received_by TEXT NOT NULL,
	closing_on DATE,
	closing_minor BIGINT,
	body_sealed BYTEA NOT NULL,
	CONSTRAINT pk_bank_file PRIMARY KEY (id),
	CONSTRAINT uq_bank_file_legal_entity_id_sha256 UNIQUE (legal_entity_id, sha256),
	CONSTRAINT ck_bank_file_kind_known CHECK (kind IN ('pain.002', 'pacs.004', 'camt.053', 'camt.054', 'mt940', 'csv')),
	CONSTRAINT fk_bank_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_file_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_bank_file_legal_entity_id ON bank_file (legal_entity_id)

CREATE OR REPLACE FUNCTION bank_file_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bank_file rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER bank_file_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_file FOR EACH STATEMENT EXECUTE FUNCTION bank_file_refuse()

CREATE TABLE ledger_account (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
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
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	series TEXT NOT NULL,
	last_number BIGINT NOT NULL,
	last_issued_on DATE NOT NULL,
	CONSTRAINT pk_number_series PRIMARY KEY (legal_entity_id, series),
	CONSTRAINT fk_number_series_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_number_series_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE plan (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	provider_account_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	secret_last4 TEXT NOT NULL,
	done_by TEXT NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_provider_account_act PRIMARY KEY (id),
	CONSTRAINT ck_provider_account_act_kind_known CHECK (kind IN ('entered', 'new_keys', 'ended')),
	CONSTRAINT fk_provider_account_act_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_account_act_provider_account_id FOREIGN KEY(provider_account_id) REFERENCES provider_account (id)
)

CREATE INDEX ix_provider_account_act_provider_account_id ON provider_account_act (provider_account_id)

CREATE OR REPLACE FUNCTION provider_account_act_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'provider_account_act rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER provider_account_act_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_account_act FOR EACH STATEMENT EXECUTE FUNCTION provider_account_act_refuse()

CREATE TABLE provider_payout (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	provider TEXT NOT NULL,
	reference TEXT NOT NULL,
	arrives_on DATE NOT NULL,
	amount_minor BIGINT NOT NULL,
	fees_minor BIGINT NOT NULL,
	by_hand BOOLEAN NOT NULL,
	currency TEXT NOT NULL,
	told_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_provider_payout PRIMARY KEY (id),
	CONSTRAINT uq_provider_payout_organisation_id_provider_reference UNIQUE (organisation_id, provider, reference),
	CONSTRAINT fk_provider_payout_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_payout_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_provider_payout_legal_entity_id ON provider_payout (legal_entity_id)

CREATE OR REPLACE FUNCTION provider_payout_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'provider_payout rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER provider_payout_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_payout FOR EACH STATEMENT EXECUTE FUNCTION provider_payout_refuse()

CREATE TABLE run_stop (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	stopped_on DATE NOT NULL,
	raised_at_ms BIGINT NOT NULL,
	leavings JSON NOT NULL,
	figures JSON NOT NULL,
	CONSTRAINT pk_run_stop PRIMARY KEY (id),
	CONSTRAINT fk_run_stop_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_run_stop_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE INDEX ix_run_stop_legal_entity_id ON run_stop (legal_entity_id)

CREATE OR REPLACE FUNCTION run_stop_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run_stop rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER run_stop_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON run_stop FOR EACH STATEMENT EXECUTE FUNCTION run_stop_refuse()

CREATE TABLE seller_particulars (
	legal_entity_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	creditor_id TEXT NOT NULL,
	iban TEXT NOT NULL,
	notice_days INTEGER NOT NULL,
	file_days INTEGER NOT NULL,
	set_at_ms BIGINT NOT NULL,
	set_by TEXT NOT NULL,
	CONSTRAINT pk_sepa_creditor PRIMARY KEY (id),
	CONSTRAINT uq_sepa_creditor_legal_entity_id UNIQUE (legal_entity_id),
	CONSTRAINT ck_sepa_creditor_notice_days_meant CHECK (notice_days BETWEEN 1 AND 60),
	CONSTRAINT ck_sepa_creditor_file_days_meant CHECK (file_days BETWEEN 1 AND 14),
	CONSTRAINT fk_sepa_creditor_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_creditor_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE sepa_file (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	number INTEGER NOT NULL,
	message_id TEXT NOT NULL,
	made_at_ms BIGINT NOT NULL,
	made_by TEXT NOT NULL,
	orders INTEGER NOT NULL,
	total_minor BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	body_sealed BYTEA NOT NULL,
	CONSTRAINT pk_sepa_file PRIMARY KEY (id),
	CONSTRAINT uq_sepa_file_legal_entity_id_number UNIQUE (legal_entity_id, number),
	CONSTRAINT ck_sepa_file_kind_known CHECK (kind IN ('debits', 'refunds')),
	CONSTRAINT fk_sepa_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sepa_file_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT uq_sepa_file_message_id UNIQUE (message_id)
)

CREATE OR REPLACE FUNCTION sepa_file_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_file rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_file_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON sepa_file FOR EACH STATEMENT EXECUTE FUNCTION sepa_file_refuse()

CREATE TABLE site (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	staff_id BIGINT NOT NULL,
	token_hash TEXT NOT NULL,
	started_ms BIGINT NOT NULL,
	seen_ms BIGINT NOT NULL,
	ends_ms BIGINT NOT NULL,
	CONSTRAINT pk_staff_session PRIMARY KEY (id),
	CONSTRAINT fk_staff_session_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_staff_session_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id),
	CONSTRAINT uq_staff_session_token_hash UNIQUE (token_hash)
)

CREATE INDEX ix_staff_session_ends ON staff_session (ends_ms)

CREATE INDEX ix_staff_session_staff_id ON staff_session (staff_id)

CREATE TABLE taking_chain (
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	open_on DATE NOT NULL,
	last_number BIGINT NOT NULL,
	last_hash TEXT NOT NULL,
	perpetual_minor BIGINT NOT NULL,
	closure_number BIGINT NOT NULL,
	closure_hash TEXT NOT NULL,
	CONSTRAINT pk_taking_chain PRIMARY KEY (legal_entity_id),
	CONSTRAINT fk_taking_chain_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_taking_chain_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE TABLE taking_closure (
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	number BIGINT NOT NULL,
	kind TEXT NOT NULL,
	first_on DATE NOT NULL,
	count INTEGER NOT NULL,
	total_minor BIGINT NOT NULL,
	perpetual_minor BIGINT NOT NULL,
	last_number BIGINT NOT NULL,
	last_hash TEXT NOT NULL,
	previous_hash TEXT NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT pk_taking_closure PRIMARY KEY (legal_entity_id, number),
	CONSTRAINT uq_taking_closure_legal_entity_id_kind_first_on UNIQUE (legal_entity_id, kind, first_on),
	CONSTRAINT ck_taking_closure_kind_known CHECK (kind IN ('day', 'month', 'year')),
	CONSTRAINT fk_taking_closure_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_taking_closure_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id)
)

CREATE OR REPLACE FUNCTION taking_closure_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'taking_closure rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER taking_closure_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON taking_closure FOR EACH STATEMENT EXECUTE FUNCTION taking_closure_refuse()

CREATE TABLE webhook_delivery (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	endpoint_id BIGINT NOT NULL,
	event_id BIGINT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	retry_at_real_ms BIGINT NOT NULL,
	tried_at_real_ms BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	endpoint_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	host TEXT NOT NULL,
	done_by TEXT NOT NULL,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_webhook_endpoint_act PRIMARY KEY (id),
	CONSTRAINT ck_webhook_endpoint_act_kind_known CHECK (kind IN ('added', 'changed', 'paused', 'turned_on', 'new_secret', 'sent_again', 'removed')),
	CONSTRAINT fk_webhook_endpoint_act_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_webhook_endpoint_act_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoint (id)
)

CREATE INDEX ix_webhook_endpoint_act_endpoint_id ON webhook_endpoint_act (endpoint_id)

CREATE OR REPLACE FUNCTION webhook_endpoint_act_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'webhook_endpoint_act rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER webhook_endpoint_act_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON webhook_endpoint_act FOR EACH STATEMENT EXECUTE FUNCTION webhook_endpoint_act_refuse()

CREATE TABLE bank_answer (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	bank_file_id BIGINT NOT NULL,
	debit_key TEXT,
	batch TEXT,
	said TEXT NOT NULL,
	code TEXT,
	amount_minor BIGINT,
	acted_at_ms BIGINT,
	CONSTRAINT pk_bank_answer PRIMARY KEY (id),
	CONSTRAINT ck_bank_answer_said_known CHECK (said IN ('paid', 'refused', 'returned', 'left', 'came_back')),
	CONSTRAINT ck_bank_answer_of_one_or_all CHECK ((debit_key IS NULL) <> (batch IS NULL)),
	CONSTRAINT fk_bank_answer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_answer_bank_file_id FOREIGN KEY(bank_file_id) REFERENCES bank_file (id)
)

CREATE INDEX ix_bank_answer_bank_file_id ON bank_answer (bank_file_id)

CREATE OR REPLACE FUNCTION bank_answer_said_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bank_answer.said never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER bank_answer_said_fixed BEFORE UPDATE OF said ON bank_answer FOR EACH ROW WHEN (OLD.said IS DISTINCT FROM NEW.said) EXECUTE FUNCTION bank_answer_said_fixed_refuse()

CREATE TABLE bank_line (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	bank_file_id BIGINT NOT NULL,
	line_key TEXT NOT NULL,
	booked_on DATE NOT NULL,
	amount_minor BIGINT NOT NULL,
	fee_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION bank_line_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bank_line rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER bank_line_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_line FOR EACH STATEMENT EXECUTE FUNCTION bank_line_refuse()

CREATE TABLE card_try (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	act TEXT NOT NULL,
	address_mark TEXT,
	at_real_ms BIGINT NOT NULL,
	CONSTRAINT pk_card_try PRIMARY KEY (id),
	CONSTRAINT ck_card_try_act_known CHECK (act IN ('card_asked', 'charge_asked', 'charge_refused', 'question_asked')),
	CONSTRAINT fk_card_try_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_card_try_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_card_try_account_id_at_real_ms ON card_try (account_id, at_real_ms)

CREATE INDEX ix_card_try_organisation_id_address_mark ON card_try (organisation_id, address_mark, at_real_ms)

CREATE INDEX ix_card_try_organisation_id_at_real_ms ON card_try (organisation_id, at_real_ms)

CREATE TABLE contract (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	law TEXT NOT NULL,
	law_version TEXT NOT NULL,
	signed_on DATE NOT NULL,
	starts_on DATE NOT NULL,
	ends_on DATE,
	renews BOOLEAN NOT NULL,
	at_distance BOOLEAN DEFAULT false NOT NULL,
	total_minor BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	door TEXT NOT NULL,
	standing TEXT NOT NULL,
	until_ms BIGINT,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	given_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_door_order PRIMARY KEY (id),
	CONSTRAINT ck_door_order_standing_known CHECK (standing IN ('free', 'blocked', 'lockdown')),
	CONSTRAINT uq_door_order_site_id_door UNIQUE (site_id, door),
	CONSTRAINT fk_door_order_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_order_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE door_order_change (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	door TEXT NOT NULL,
	standing TEXT,
	until_ms BIGINT,
	at_ms BIGINT NOT NULL,
	at_real_ms BIGINT NOT NULL,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	CONSTRAINT pk_door_order_change PRIMARY KEY (id),
	CONSTRAINT ck_door_order_change_standing_known CHECK (standing IS NULL OR standing IN ('free', 'blocked', 'lockdown')),
	CONSTRAINT fk_door_order_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_order_change_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_door_order_change_site_id_id ON door_order_change (site_id, id)

CREATE OR REPLACE FUNCTION door_order_change_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'door_order_change rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER door_order_change_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON door_order_change FOR EACH STATEMENT EXECUTE FUNCTION door_order_change_refuse()

CREATE TABLE door_plan (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	door TEXT NOT NULL,
	unlock TEXT NOT NULL,
	first_person BOOLEAN NOT NULL,
	CONSTRAINT pk_door_plan PRIMARY KEY (id),
	CONSTRAINT uq_door_plan_site_id_door UNIQUE (site_id, door),
	CONSTRAINT fk_door_plan_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_plan_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE door_rule (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
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
	finding_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	run_id BIGINT NOT NULL,
	CONSTRAINT pk_finding_over PRIMARY KEY (finding_id),
	CONSTRAINT fk_finding_over_finding_id FOREIGN KEY(finding_id) REFERENCES audit_finding (id),
	CONSTRAINT fk_finding_over_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_finding_over_run_id FOREIGN KEY(run_id) REFERENCES audit_run (id)
)

CREATE OR REPLACE FUNCTION finding_over_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'finding_over rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER finding_over_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON finding_over FOR EACH STATEMENT EXECUTE FUNCTION finding_over_refuse()

CREATE TABLE fraud_signal (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	suspicion TEXT NOT NULL,
	counted INTEGER NOT NULL,
	raised_at_real_ms BIGINT NOT NULL,
	cleared_at_real_ms BIGINT,
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
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	mode TEXT NOT NULL,
	enrolled_at_ms BIGINT NOT NULL,
	revoked_at_ms BIGINT,
	CONSTRAINT pk_gateway PRIMARY KEY (id),
	CONSTRAINT ck_gateway_mode_known CHECK (mode IN ('live', 'test')),
	CONSTRAINT fk_gateway_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_gateway_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_gateway_organisation_id ON gateway (organisation_id)

CREATE INDEX ix_gateway_site_id ON gateway (site_id)

CREATE TABLE grace_given (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	given_at_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	given_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_grace_given PRIMARY KEY (id),
	CONSTRAINT uq_grace_given_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT fk_grace_given_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_grace_given_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_grace_given_account_id ON grace_given (account_id)

CREATE OR REPLACE FUNCTION grace_given_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'grace_given rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER grace_given_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON grace_given FOR EACH STATEMENT EXECUTE FUNCTION grace_given_refuse()

CREATE TABLE holiday_calendar (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_holiday_calendar PRIMARY KEY (id),
	CONSTRAINT uq_holiday_calendar_site_id_name UNIQUE (site_id, name),
	CONSTRAINT fk_holiday_calendar_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_holiday_calendar_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE invoice (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	series TEXT NOT NULL,
	number BIGINT NOT NULL,
	issued_on DATE NOT NULL,
	due_on DATE NOT NULL,
	issued_at_ms BIGINT NOT NULL,
	currency TEXT NOT NULL,
	tax_inclusive BOOLEAN DEFAULT false NOT NULL,
	net_minor BIGINT NOT NULL,
	tax_minor BIGINT NOT NULL,
	total_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION invoice_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'invoice rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER invoice_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice FOR EACH STATEMENT EXECUTE FUNCTION invoice_refuse()

CREATE TABLE manual_entry (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	currency TEXT NOT NULL,
	account_id BIGINT,
	kind TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	occurred_on DATE NOT NULL,
	recorded_at_ms BIGINT NOT NULL,
	recorded_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_manual_entry PRIMARY KEY (id),
	CONSTRAINT fk_manual_entry_organisation_id_legal_entity_id_currency FOREIGN KEY(organisation_id, legal_entity_id, currency) REFERENCES legal_entity (organisation_id, id, currency),
	CONSTRAINT uq_manual_entry_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT ck_manual_entry_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_manual_entry_kind_known CHECK (kind IN ('deposit_in_cash', 'deposit_at_bank', 'deposit_back_in_cash', 'deposit_back_by_bank', 'cash_to_bank', 'cheques_to_bank', 'provider_paid_out', 'provider_fee')),
	CONSTRAINT ck_manual_entry_deposit_has_account CHECK ((kind LIKE 'deposit%%') = (account_id IS NOT NULL)),
	CONSTRAINT fk_manual_entry_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_manual_entry_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_manual_entry_account_id ON manual_entry (account_id)

CREATE OR REPLACE FUNCTION manual_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'manual_entry rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER manual_entry_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON manual_entry FOR EACH STATEMENT EXECUTE FUNCTION manual_entry_refuse()

CREATE TABLE member (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	first_name TEXT NOT NULL,
	last_name TEXT NOT NULL,
	email TEXT,
	language TEXT,
	groups JSON DEFAULT '[]' NOT NULL,
	joined_on DATE NOT NULL,
	long_access BOOLEAN DEFAULT false NOT NULL,
	first_person BOOLEAN DEFAULT false NOT NULL,
	lockdown_exempt BOOLEAN DEFAULT false NOT NULL,
	escort BOOLEAN DEFAULT false NOT NULL,
	escorted BOOLEAN DEFAULT false NOT NULL,
	supervisor BOOLEAN DEFAULT false NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	key TEXT NOT NULL,
	kind TEXT NOT NULL,
	language TEXT NOT NULL,
	recipient TEXT,
	subject TEXT NOT NULL,
	body TEXT NOT NULL,
	written_at_ms BIGINT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	retry_at_real_ms BIGINT NOT NULL,
	sent_at_real_ms BIGINT,
	error TEXT,
	CONSTRAINT pk_message PRIMARY KEY (id),
	CONSTRAINT uq_message_organisation_id_key UNIQUE (organisation_id, key),
	CONSTRAINT ck_message_state_known CHECK (state IN ('waiting', 'sending', 'sent', 'refused', 'no_address')),
	CONSTRAINT fk_message_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_message_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_message_account_id ON message (account_id)

CREATE INDEX ix_message_to_carry ON message (retry_at_real_ms, id) WHERE state IN ('waiting', 'sending')

CREATE TABLE payment_method (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	mode TEXT NOT NULL,
	account_id BIGINT NOT NULL,
	provider TEXT NOT NULL,
	token TEXT NOT NULL,
	label TEXT NOT NULL,
	exp_month INTEGER,
	exp_year INTEGER,
	scheme TEXT,
	provider_account_id BIGINT,
	state TEXT NOT NULL,
	added_at_ms BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	total_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	agreed_at_ms BIGINT NOT NULL,
	agreed_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	request_key TEXT NOT NULL,
	state TEXT NOT NULL,
	ended_at_ms BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	currency TEXT NOT NULL,
	entry_id BIGINT NOT NULL,
	debit_account_id BIGINT NOT NULL,
	credit_account_id BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (id),
	CONSTRAINT fk_posting_organisation_id_legal_entity_id_currency_entry_id FOREIGN KEY(organisation_id, legal_entity_id, currency, entry_id) REFERENCES ledger_entry (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT fk_posting_organisation_id_legal_entity_id_currency_deb_6cd7 FOREIGN KEY(organisation_id, legal_entity_id, currency, debit_account_id) REFERENCES ledger_account (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT fk_posting_organisation_id_legal_entity_id_currency_cre_2783 FOREIGN KEY(organisation_id, legal_entity_id, currency, credit_account_id) REFERENCES ledger_account (organisation_id, legal_entity_id, currency, id),
	CONSTRAINT ck_posting_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT ck_posting_two_accounts CHECK (debit_account_id <> credit_account_id)
)

CREATE INDEX ix_posting_entry_id ON posting (entry_id)

CREATE OR REPLACE FUNCTION posting_open_period() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM (SELECT DISTINCT legal_entity_id FROM written) book CROSS JOIN LATERAL (SELECT through_on FROM accounting_close WHERE legal_entity_id = book.legal_entity_id ORDER BY id DESC LIMIT 1) closed JOIN written ON written.legal_entity_id = book.legal_entity_id JOIN ledger_entry ON ledger_entry.id = written.entry_id AND ledger_entry.occurred_on <= closed.through_on) THEN RAISE EXCEPTION 'the accounting period is closed: post it today, or reopen the period' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$

CREATE TRIGGER posting_open_period AFTER INSERT ON posting REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION posting_open_period()

CREATE OR REPLACE FUNCTION posting_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'posting rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER posting_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION posting_refuse()

CREATE TABLE price (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	plan_id BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	interval_unit TEXT NOT NULL,
	interval_count INTEGER NOT NULL,
	tax_inclusive BOOLEAN NOT NULL,
	taxable BOOLEAN NOT NULL,
	tax_category TEXT DEFAULT 'standard' NOT NULL,
	term_months INTEGER,
	times INTEGER,
	joining_minor BIGINT DEFAULT '0' NOT NULL,
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
	CONSTRAINT fk_price_plan_id FOREIGN KEY(plan_id) REFERENCES plan (id)
)

CREATE TABLE provider_customer (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	provider_account_id BIGINT NOT NULL,
	reference TEXT NOT NULL,
	CONSTRAINT pk_provider_customer PRIMARY KEY (id),
	CONSTRAINT uq_provider_customer_account_id_provider_account_id UNIQUE (account_id, provider_account_id),
	CONSTRAINT uq_provider_customer_provider_account_id_reference UNIQUE (provider_account_id, reference),
	CONSTRAINT fk_provider_customer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_customer_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_provider_customer_provider_account_id FOREIGN KEY(provider_account_id) REFERENCES provider_account (id)
)

CREATE TABLE rule_change (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	was JSON,
	becomes JSON,
	at_ms BIGINT NOT NULL,
	at_real_ms BIGINT NOT NULL,
	changed_by TEXT NOT NULL,
	changed_by_id TEXT NOT NULL,
	CONSTRAINT pk_rule_change PRIMARY KEY (id),
	CONSTRAINT ck_rule_change_kind_known CHECK (kind IN ('hours', 'holidays', 'zone', 'zone_rule', 'door_plan', 'door_rule', 'policy', 'plan', 'price')),
	CONSTRAINT fk_rule_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_rule_change_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE INDEX ix_rule_change_organisation_id_id ON rule_change (organisation_id, id)

CREATE INDEX ix_rule_change_site_id_id ON rule_change (site_id, id)

CREATE OR REPLACE FUNCTION rule_change_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'rule_change rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER rule_change_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_change FOR EACH STATEMENT EXECUTE FUNCTION rule_change_refuse()

CREATE TABLE run_resumed (
	stop_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	at_ms BIGINT NOT NULL,
	by TEXT NOT NULL,
	reason TEXT,
	confirmed BOOLEAN NOT NULL,
	resumed_on DATE NOT NULL,
	CONSTRAINT pk_run_resumed PRIMARY KEY (stop_id),
	CONSTRAINT fk_run_resumed_stop_id FOREIGN KEY(stop_id) REFERENCES run_stop (id),
	CONSTRAINT fk_run_resumed_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION run_resumed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run_resumed rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER run_resumed_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON run_resumed FOR EACH STATEMENT EXECUTE FUNCTION run_resumed_refuse()

CREATE TABLE schedule (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_schedule PRIMARY KEY (id),
	CONSTRAINT uq_schedule_site_id_name UNIQUE (site_id, name),
	CONSTRAINT fk_schedule_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_schedule_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE site_key (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	key_id TEXT NOT NULL,
	sealed_secret BYTEA NOT NULL,
	state TEXT NOT NULL,
	CONSTRAINT pk_site_key PRIMARY KEY (id),
	CONSTRAINT uq_site_key_site_id_key_id UNIQUE (site_id, key_id),
	CONSTRAINT ck_site_key_state_known CHECK (state IN ('active', 'retired')),
	CONSTRAINT fk_site_key_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_site_key_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE site_presence (
	site_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	CONSTRAINT pk_site_presence PRIMARY KEY (site_id),
	CONSTRAINT fk_site_presence_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_site_presence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE zone_rule (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	zone TEXT NOT NULL,
	body JSON NOT NULL,
	CONSTRAINT pk_zone_rule PRIMARY KEY (id),
	CONSTRAINT uq_zone_rule_site_id_zone UNIQUE (site_id, zone),
	CONSTRAINT fk_zone_rule_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_zone_rule_site_id FOREIGN KEY(site_id) REFERENCES site (id)
)

CREATE TABLE access_outbox (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	account_id BIGINT,
	rules_only BOOLEAN DEFAULT false NOT NULL,
	CONSTRAINT pk_access_outbox PRIMARY KEY (id),
	CONSTRAINT ck_access_outbox_rules_or_account CHECK (NOT rules_only OR account_id IS NULL),
	CONSTRAINT fk_access_outbox_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_access_outbox_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_access_outbox_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_access_outbox_gateway_id_id ON access_outbox (gateway_id, id)

CREATE TABLE alarm (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	position BIGINT NOT NULL,
	alarm TEXT NOT NULL,
	subject TEXT NOT NULL,
	ended_position BIGINT,
	ended_journal_id TEXT,
	ended_sequence BIGINT,
	acknowledged_id BIGINT,
	closed_id BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	alarm TEXT NOT NULL,
	subject TEXT,
	journal_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	position BIGINT NOT NULL,
	CONSTRAINT pk_alarm_end PRIMARY KEY (id),
	CONSTRAINT uq_alarm_end_gateway_id_alarm_subject_journal_id_sequence UNIQUE (gateway_id, alarm, subject, journal_id, sequence),
	CONSTRAINT fk_alarm_end_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_end_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_alarm_end_position ON alarm_end (gateway_id, alarm, position)

CREATE TABLE alarm_seen_on_site (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	alarm TEXT,
	door TEXT,
	journal_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	position BIGINT NOT NULL,
	acknowledgement_id BIGINT NOT NULL,
	CONSTRAINT pk_alarm_seen_on_site PRIMARY KEY (id),
	CONSTRAINT ck_alarm_seen_on_site_alarm_known CHECK (alarm IS NULL OR alarm IN ('fire', 'emergency_release', 'lockdown', 'forced', 'tamper', 'wrong_way', 'interlock', 'held', 'lane', 'obstacle', 'reader', 'input', 'output', 'mains', 'battery', 'cloud', 'message', 'system')),
	CONSTRAINT uq_alarm_seen_on_site_gateway_id_journal_id_sequence UNIQUE (gateway_id, journal_id, sequence),
	CONSTRAINT fk_alarm_seen_on_site_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_seen_on_site_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_alarm_seen_on_site_acknowledgement_id FOREIGN KEY(acknowledgement_id) REFERENCES alarm_acknowledgement (id)
)

CREATE INDEX ix_alarm_seen_on_site_position ON alarm_seen_on_site (gateway_id, position)

CREATE TABLE bank_match (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	bank_line_id BIGINT NOT NULL,
	rule TEXT NOT NULL,
	subject TEXT NOT NULL,
	generation INTEGER NOT NULL,
	amount_minor BIGINT NOT NULL,
	matched_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION bank_match_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bank_match rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER bank_match_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_match FOR EACH STATEMENT EXECUTE FUNCTION bank_match_refuse()

CREATE TABLE block (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	member_id BIGINT,
	reason TEXT NOT NULL,
	source TEXT NOT NULL,
	from_ms BIGINT NOT NULL,
	until_ms BIGINT,
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
	organisation_id BIGINT NOT NULL,
	boot_ns BIGINT NOT NULL,
	real_ms BIGINT NOT NULL,
	business_ms BIGINT NOT NULL,
	CONSTRAINT pk_boot_anchor PRIMARY KEY (gateway_id, boot_id),
	CONSTRAINT fk_boot_anchor_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_boot_anchor_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE command (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	kid TEXT NOT NULL,
	counter BIGINT NOT NULL,
	action TEXT NOT NULL,
	door TEXT,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	issued_at_ms BIGINT NOT NULL,
	expires_at_ms BIGINT NOT NULL,
	token BYTEA NOT NULL,
	published_at_ms BIGINT,
	outcome TEXT,
	reason TEXT,
	answered_at_ms BIGINT,
	CONSTRAINT pk_command PRIMARY KEY (id),
	CONSTRAINT ck_command_action_known CHECK (action IN ('open_door', 'reset_fire')),
	CONSTRAINT ck_command_outcome_known CHECK (outcome IS NULL OR outcome IN ('taken', 'refused')),
	CONSTRAINT uq_command_gateway_id_kid_counter UNIQUE (gateway_id, kid, counter),
	CONSTRAINT fk_command_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_command_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_command_waiting ON command (id) WHERE published_at_ms IS NULL

CREATE TABLE credential (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	sealed BYTEA NOT NULL,
	blind_index TEXT NOT NULL,
	state TEXT NOT NULL,
	state_since_ms BIGINT,
	issued_at_ms BIGINT,
	valid_from_ms BIGINT,
	valid_until_ms BIGINT,
	zones JSON,
	replaced_by_id BIGINT,
	card_id BIGINT,
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

CREATE OR REPLACE FUNCTION credential_member_id_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'credential.member_id never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER credential_member_id_fixed BEFORE UPDATE OF member_id ON credential FOR EACH ROW WHEN (OLD.member_id IS DISTINCT FROM NEW.member_id) EXECUTE FUNCTION credential_member_id_fixed_refuse()

CREATE TABLE credit_note (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	series TEXT NOT NULL,
	number BIGINT NOT NULL,
	issued_on DATE NOT NULL,
	issued_at_ms BIGINT NOT NULL,
	currency TEXT NOT NULL,
	net_minor BIGINT NOT NULL,
	tax_minor BIGINT NOT NULL,
	total_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION credit_note_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'credit_note rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER credit_note_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note FOR EACH STATEMENT EXECUTE FUNCTION credit_note_refuse()

CREATE TABLE door_rights_change (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	rights JSON NOT NULL,
	at_ms BIGINT NOT NULL,
	at_real_ms BIGINT NOT NULL,
	given_by TEXT NOT NULL,
	given_by_id TEXT NOT NULL,
	CONSTRAINT pk_door_rights_change PRIMARY KEY (id),
	CONSTRAINT fk_door_rights_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_door_rights_change_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_door_rights_change_member_id ON door_rights_change (member_id)

CREATE OR REPLACE FUNCTION door_rights_change_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'door_rights_change rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER door_rights_change_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON door_rights_change FOR EACH STATEMENT EXECUTE FUNCTION door_rights_change_refuse()

CREATE TABLE dunning_case (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	generation INTEGER NOT NULL,
	starts_on DATE NOT NULL,
	cause TEXT NOT NULL,
	failure TEXT NOT NULL,
	retries BOOLEAN NOT NULL,
	opened_at_ms BIGINT NOT NULL,
	closed_at_ms BIGINT,
	handed_over_at_ms BIGINT,
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
	epoch BIGINT NOT NULL,
	revision BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	root TEXT NOT NULL,
	token BYTEA NOT NULL,
	issued_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_feed_entry PRIMARY KEY (gateway_id, epoch, revision),
	CONSTRAINT fk_feed_entry_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_feed_entry_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE feed_row (
	gateway_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT,
	body BYTEA NOT NULL,
	bucket INTEGER NOT NULL,
	CONSTRAINT pk_feed_row PRIMARY KEY (gateway_id, kind, key),
	CONSTRAINT fk_feed_row_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_feed_row_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_feed_row_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_feed_row_gateway_id_account_id ON feed_row (gateway_id, account_id)

CREATE INDEX ix_feed_row_gateway_id_bucket ON feed_row (gateway_id, bucket)

CREATE TABLE feed_state (
	gateway_id TEXT NOT NULL,
	organisation_id BIGINT NOT NULL,
	epoch BIGINT NOT NULL,
	revision BIGINT NOT NULL,
	root TEXT NOT NULL,
	digest BYTEA NOT NULL,
	sweep_after BIGINT,
	ready BOOLEAN NOT NULL,
	sequenced_at_ms BIGINT NOT NULL,
	retry_at_ms BIGINT,
	backlog_since_ms BIGINT,
	sent_through BIGINT NOT NULL,
	sent_at_ms BIGINT,
	resends INTEGER NOT NULL,
	resend_due_ms BIGINT,
	snapshot_wanted_from BIGINT,
	acked_epoch BIGINT NOT NULL,
	acked_revision BIGINT NOT NULL,
	acked_root TEXT NOT NULL,
	acked_at_ms BIGINT,
	acked_lease_counter BIGINT NOT NULL,
	acked_clock_rev BIGINT NOT NULL,
	lease_counter BIGINT NOT NULL,
	lease_due_ms BIGINT NOT NULL,
	lease_not_before_ms BIGINT NOT NULL,
	lease_until_ms BIGINT,
	lease_epoch BIGINT NOT NULL,
	lease_revision BIGINT NOT NULL,
	lease_clock_rev BIGINT NOT NULL,
	CONSTRAINT pk_feed_state PRIMARY KEY (gateway_id),
	CONSTRAINT fk_feed_state_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_feed_state_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE forgiveness (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	at_ms BIGINT NOT NULL,
	at_real_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION forgiveness_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'forgiveness rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER forgiveness_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON forgiveness FOR EACH STATEMENT EXECUTE FUNCTION forgiveness_refuse()

CREATE TABLE gateway_alarm (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	detail TEXT NOT NULL,
	count INTEGER NOT NULL,
	first_at_ms BIGINT NOT NULL,
	last_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_gateway_alarm PRIMARY KEY (id),
	CONSTRAINT uq_gateway_alarm_gateway_id_kind_detail_first_at_ms UNIQUE (gateway_id, kind, detail, first_at_ms),
	CONSTRAINT fk_gateway_alarm_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_gateway_alarm_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_gateway_alarm_organisation_id_last_at_ms ON gateway_alarm (organisation_id, last_at_ms)

CREATE TABLE gateway_presence (
	gateway_id TEXT NOT NULL,
	organisation_id BIGINT NOT NULL,
	told_ms BIGINT,
	unseen JSON NOT NULL,
	CONSTRAINT pk_gateway_presence PRIMARY KEY (gateway_id),
	CONSTRAINT fk_gateway_presence_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_gateway_presence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE gateway_status (
	gateway_id TEXT NOT NULL,
	organisation_id BIGINT NOT NULL,
	online BOOLEAN NOT NULL,
	boot_id TEXT NOT NULL,
	connection BIGINT NOT NULL,
	software TEXT NOT NULL,
	changed_at_ms BIGINT NOT NULL,
	seen_at_ms BIGINT,
	reported JSON,
	reported_at_ms BIGINT,
	CONSTRAINT pk_gateway_status PRIMARY KEY (gateway_id),
	CONSTRAINT fk_gateway_status_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_gateway_status_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE given_right (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	role TEXT NOT NULL,
	zones JSON NOT NULL,
	schedule TEXT DEFAULT 'always' NOT NULL,
	sites JSON,
	from_ms BIGINT NOT NULL,
	until_ms BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	external_id TEXT NOT NULL,
	member_id BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	CONSTRAINT pk_import_mark PRIMARY KEY (id),
	CONSTRAINT uq_import_mark_organisation_id_external_id UNIQUE (organisation_id, external_id),
	CONSTRAINT fk_import_mark_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_import_mark_member_id FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_import_mark_member_id ON import_mark (member_id)

CREATE OR REPLACE FUNCTION import_mark_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'import_mark rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER import_mark_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON import_mark FOR EACH STATEMENT EXECUTE FUNCTION import_mark_refuse()

CREATE TABLE invoice_question (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	asked_as TEXT NOT NULL,
	noted_by TEXT NOT NULL,
	text TEXT NOT NULL,
	asked_at_ms BIGINT NOT NULL,
	holds_until_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION invoice_question_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'invoice_question rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER invoice_question_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_question FOR EACH STATEMENT EXECUTE FUNCTION invoice_question_refuse()

CREATE TABLE invoice_tax (
	organisation_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	tax TEXT NOT NULL,
	rate_ppm INTEGER NOT NULL,
	base_minor BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	CONSTRAINT pk_invoice_tax PRIMARY KEY (invoice_id, tax, rate_ppm),
	CONSTRAINT fk_invoice_tax_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_invoice_tax_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE OR REPLACE FUNCTION invoice_tax_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'invoice_tax rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER invoice_tax_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_tax FOR EACH STATEMENT EXECUTE FUNCTION invoice_tax_refuse()

CREATE TABLE journal_event (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	site_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	content_sha256 TEXT NOT NULL,
	kind TEXT NOT NULL,
	door TEXT,
	reader TEXT,
	credential TEXT,
	member TEXT,
	reason TEXT,
	flags TEXT NOT NULL,
	detail TEXT,
	at_ms BIGINT,
	real_ms BIGINT,
	quality TEXT NOT NULL,
	dated_by TEXT NOT NULL,
	boot_id TEXT NOT NULL,
	boot_ns BIGINT NOT NULL,
	received_at_ms BIGINT NOT NULL,
	way TEXT,
	by TEXT,
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
	organisation_id BIGINT NOT NULL,
	through BIGINT NOT NULL,
	highest BIGINT NOT NULL,
	ordinal BIGINT NOT NULL,
	awaited JSON,
	CONSTRAINT pk_journal_progress PRIMARY KEY (gateway_id, journal_id),
	CONSTRAINT fk_journal_progress_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_journal_progress_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE member_company (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	with_id BIGINT NOT NULL,
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
	site_id BIGINT NOT NULL,
	member TEXT NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	zone TEXT NOT NULL,
	way TEXT NOT NULL,
	at_ms BIGINT NOT NULL,
	sequence BIGINT NOT NULL,
	CONSTRAINT pk_member_presence PRIMARY KEY (site_id, member),
	CONSTRAINT ck_member_presence_way_known CHECK (way IN ('entry', 'exit')),
	CONSTRAINT fk_member_presence_site_id FOREIGN KEY(site_id) REFERENCES site (id),
	CONSTRAINT fk_member_presence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_member_presence_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_member_presence_site_id_at_ms ON member_presence (site_id, at_ms)

CREATE INDEX ix_member_presence_site_id_sequence ON member_presence (site_id, sequence)

CREATE TABLE payment_intent (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	position INTEGER DEFAULT '1' NOT NULL,
	due_on DATE,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	state TEXT NOT NULL,
	opened_at_ms BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	plan_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	due_on DATE NOT NULL,
	invoice_id BIGINT NOT NULL,
	position INTEGER NOT NULL,
	amount_minor BIGINT NOT NULL,
	CONSTRAINT pk_payment_plan_part PRIMARY KEY (id),
	CONSTRAINT uq_payment_plan_part_invoice_id_position UNIQUE (invoice_id, position),
	CONSTRAINT ck_payment_plan_part_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT fk_payment_plan_part_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_plan_part_plan_id FOREIGN KEY(plan_id) REFERENCES payment_plan (id),
	CONSTRAINT fk_payment_plan_part_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
)

CREATE INDEX ix_payment_plan_part_plan_id ON payment_plan_part (plan_id)

CREATE OR REPLACE FUNCTION payment_plan_part_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'payment_plan_part rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER payment_plan_part_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_plan_part FOR EACH STATEMENT EXECUTE FUNCTION payment_plan_part_refuse()

CREATE TABLE price_change (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	from_price_id BIGINT NOT NULL,
	to_price_id BIGINT NOT NULL,
	from_on DATE NOT NULL,
	announced_at_ms BIGINT NOT NULL,
	announced_by TEXT NOT NULL,
	reason TEXT,
	withdrawn_at_ms BIGINT,
	withdrawn_by TEXT,
	CONSTRAINT pk_price_change PRIMARY KEY (id),
	CONSTRAINT ck_price_change_is_another CHECK (from_price_id <> to_price_id),
	CONSTRAINT fk_price_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_price_change_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_price_change_from_price_id FOREIGN KEY(from_price_id) REFERENCES price (id),
	CONSTRAINT fk_price_change_to_price_id FOREIGN KEY(to_price_id) REFERENCES price (id)
)

CREATE TABLE profile (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	member_id BIGINT,
	account_id BIGINT,
	sealed_key BYTEA,
	sealed BYTEA,
	erased_at_ms BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	referrer_id BIGINT NOT NULL,
	referred_id BIGINT NOT NULL,
	noted_at_ms BIGINT NOT NULL,
	noted_by TEXT NOT NULL,
	CONSTRAINT pk_referral PRIMARY KEY (id),
	CONSTRAINT uq_referral_referred_id UNIQUE (referred_id),
	CONSTRAINT ck_referral_not_oneself CHECK (referrer_id <> referred_id),
	CONSTRAINT fk_referral_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_referral_referrer_id FOREIGN KEY(referrer_id) REFERENCES member (id),
	CONSTRAINT fk_referral_referred_id FOREIGN KEY(referred_id) REFERENCES member (id)
)

CREATE INDEX ix_referral_referrer_id ON referral (referrer_id)

CREATE OR REPLACE FUNCTION referral_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'referral rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER referral_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON referral FOR EACH STATEMENT EXECUTE FUNCTION referral_refuse()

CREATE TABLE sale (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION sale_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sale rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sale_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON sale FOR EACH STATEMENT EXECUTE FUNCTION sale_refuse()

CREATE TABLE sepa_mandate (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payment_method_id BIGINT NOT NULL,
	reference TEXT NOT NULL,
	signed_on DATE NOT NULL,
	debtor_name TEXT NOT NULL,
	iban_sealed BYTEA,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT NOT NULL,
	token TEXT NOT NULL,
	epoch BIGINT NOT NULL,
	revision BIGINT NOT NULL,
	root TEXT NOT NULL,
	rows BIGINT NOT NULL,
	size BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	made_at_ms BIGINT NOT NULL,
	expires_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_snapshot PRIMARY KEY (id),
	CONSTRAINT fk_snapshot_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_snapshot_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT uq_snapshot_token UNIQUE (token)
)

CREATE INDEX ix_snapshot_expires_at_ms ON snapshot (expires_at_ms)

CREATE INDEX ix_snapshot_gateway_id_id ON snapshot (gateway_id, id)

CREATE TABLE subscription (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	contract_id BIGINT NOT NULL,
	price_id BIGINT NOT NULL,
	beside_id BIGINT,
	component TEXT DEFAULT 'membership' NOT NULL,
	proration TEXT DEFAULT 'real_days' NOT NULL,
	plain BOOLEAN DEFAULT true NOT NULL,
	bill_with_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	per TEXT,
	most INTEGER NOT NULL,
	from_ms BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	given_by TEXT NOT NULL,
	source TEXT,
	given_at_ms BIGINT NOT NULL,
	closed_at_ms BIGINT,
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
	member_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	gateway_id TEXT,
	turn BIGINT NOT NULL,
	since_ms BIGINT NOT NULL,
	moving_to TEXT,
	stopped_at_ms BIGINT,
	CONSTRAINT pk_visit_home PRIMARY KEY (member_id),
	CONSTRAINT fk_visit_home_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_visit_home_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_visit_home_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id),
	CONSTRAINT fk_visit_home_moving_to FOREIGN KEY(moving_to) REFERENCES gateway (id)
)

CREATE INDEX ix_visit_home_gateway_id ON visit_home (gateway_id)

CREATE TABLE write_off (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	written_off_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION write_off_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'write_off rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER write_off_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON write_off FOR EACH STATEMENT EXECUTE FUNCTION write_off_refuse()

CREATE TABLE alarm_seen (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	journal_event_id BIGINT NOT NULL,
	at_real_ms BIGINT NOT NULL,
	seen_by TEXT NOT NULL,
	CONSTRAINT pk_alarm_seen PRIMARY KEY (id),
	CONSTRAINT uq_alarm_seen_journal_event_id UNIQUE (journal_event_id),
	CONSTRAINT fk_alarm_seen_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_alarm_seen_journal_event_id FOREIGN KEY(journal_event_id) REFERENCES journal_event (id)
)

CREATE OR REPLACE FUNCTION alarm_seen_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'alarm_seen rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER alarm_seen_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_seen FOR EACH STATEMENT EXECUTE FUNCTION alarm_seen_refuse()

CREATE TABLE bank_match_undone (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	bank_match_id BIGINT NOT NULL,
	undone_at_ms BIGINT NOT NULL,
	undone_by TEXT NOT NULL,
	reason TEXT NOT NULL,
	CONSTRAINT pk_bank_match_undone PRIMARY KEY (id),
	CONSTRAINT uq_bank_match_undone_bank_match_id UNIQUE (bank_match_id),
	CONSTRAINT fk_bank_match_undone_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_bank_match_undone_bank_match_id FOREIGN KEY(bank_match_id) REFERENCES bank_match (id)
)

CREATE OR REPLACE FUNCTION bank_match_undone_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bank_match_undone rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER bank_match_undone_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_match_undone FOR EACH STATEMENT EXECUTE FUNCTION bank_match_undone_refuse()

CREATE TABLE billing_doubt (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	code TEXT NOT NULL,
	detail TEXT NOT NULL,
	raised_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_billing_doubt PRIMARY KEY (id),
	CONSTRAINT fk_billing_doubt_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_billing_doubt_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_billing_doubt_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_billing_doubt_account_id ON billing_doubt (account_id)

CREATE OR REPLACE FUNCTION billing_doubt_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'billing_doubt rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER billing_doubt_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_doubt FOR EACH STATEMENT EXECUTE FUNCTION billing_doubt_refuse()

CREATE TABLE contract_document (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	contract_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	version INTEGER NOT NULL,
	template_id BIGINT,
	wording TEXT NOT NULL,
	language TEXT NOT NULL,
	words TEXT NOT NULL,
	signer TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	prepared_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION contract_document_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'contract_document rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER contract_document_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON contract_document FOR EACH STATEMENT EXECUTE FUNCTION contract_document_refuse()

CREATE TABLE coupon_use (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	coupon_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	member_id BIGINT NOT NULL,
	member_number INTEGER NOT NULL,
	subscription_id BIGINT NOT NULL,
	used_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION coupon_use_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'coupon_use rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER coupon_use_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON coupon_use FOR EACH STATEMENT EXECUTE FUNCTION coupon_use_refuse()

CREATE TABLE credential_change (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	credential_id BIGINT NOT NULL,
	state TEXT NOT NULL,
	at_ms BIGINT,
	changed_by TEXT,
	CONSTRAINT pk_credential_change PRIMARY KEY (id),
	CONSTRAINT ck_credential_change_state_known CHECK (state IN ('active', 'blocked', 'lost', 'stolen', 'expired', 'replaced')),
	CONSTRAINT fk_credential_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credential_change_credential_id FOREIGN KEY(credential_id) REFERENCES credential (id)
)

CREATE INDEX ix_credential_change_credential_id ON credential_change (credential_id)

CREATE OR REPLACE FUNCTION credential_change_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'credential_change rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER credential_change_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON credential_change FOR EACH STATEMENT EXECUTE FUNCTION credential_change_refuse()

CREATE TABLE credit_note_tax (
	organisation_id BIGINT NOT NULL,
	credit_note_id BIGINT NOT NULL,
	tax TEXT NOT NULL,
	rate_ppm INTEGER NOT NULL,
	base_minor BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	CONSTRAINT pk_credit_note_tax PRIMARY KEY (credit_note_id, tax, rate_ppm),
	CONSTRAINT fk_credit_note_tax_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credit_note_tax_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id)
)

CREATE OR REPLACE FUNCTION credit_note_tax_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'credit_note_tax rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER credit_note_tax_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note_tax FOR EACH STATEMENT EXECUTE FUNCTION credit_note_tax_refuse()

CREATE TABLE dunning_promise (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	case_id BIGINT NOT NULL,
	pay_on DATE NOT NULL,
	until_ms BIGINT NOT NULL,
	taken_at_ms BIGINT NOT NULL,
	taken_by TEXT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_dunning_promise PRIMARY KEY (id),
	CONSTRAINT uq_dunning_promise_case_id_request_key UNIQUE (case_id, request_key),
	CONSTRAINT fk_dunning_promise_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dunning_promise_case_id FOREIGN KEY(case_id) REFERENCES dunning_case (id)
)

CREATE INDEX ix_dunning_promise_organisation_id_request_key ON dunning_promise (organisation_id, request_key)

CREATE OR REPLACE FUNCTION dunning_promise_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'dunning_promise rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER dunning_promise_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON dunning_promise FOR EACH STATEMENT EXECUTE FUNCTION dunning_promise_refuse()

CREATE TABLE dunning_step (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	case_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	kind TEXT NOT NULL,
	letter TEXT,
	planned_on DATE NOT NULL,
	timer_key TEXT NOT NULL,
	done_at_ms BIGINT,
	CONSTRAINT pk_dunning_step PRIMARY KEY (id),
	CONSTRAINT uq_dunning_step_case_id_number UNIQUE (case_id, number),
	CONSTRAINT uq_dunning_step_organisation_id_timer_key UNIQUE (organisation_id, timer_key),
	CONSTRAINT ck_dunning_step_kind_known CHECK (kind IN ('retry', 'promise', 'reminder', 'restriction', 'hand_over', 'cancellation', 'write_off')),
	CONSTRAINT ck_dunning_step_letter_known CHECK (letter IS NULL OR letter IN ('before_due', 'payment_failed', 'reminder', 'final_notice', 'action_required', 'promise_broken', 'suspended', 'restored', 'handed_over', 'cancelled_for_dues')),
	CONSTRAINT fk_dunning_step_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dunning_step_case_id FOREIGN KEY(case_id) REFERENCES dunning_case (id)
)

CREATE TABLE invoice_line (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	position INTEGER NOT NULL,
	description TEXT NOT NULL,
	subscription_id BIGINT,
	component TEXT,
	price_id BIGINT,
	period_start DATE,
	period_end DATE,
	start_second INTEGER DEFAULT '0' NOT NULL,
	end_second INTEGER DEFAULT '0' NOT NULL,
	cycle_start DATE,
	cycle_end DATE,
	generation INTEGER,
	quantity INTEGER NOT NULL,
	unit_minor BIGINT NOT NULL,
	taken_from_minor BIGINT,
	priced_minor BIGINT NOT NULL,
	net_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION invoice_line_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'invoice_line rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER invoice_line_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_line FOR EACH STATEMENT EXECUTE FUNCTION invoice_line_refuse()

CREATE TABLE lawful_end (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	told_on DATE NOT NULL,
	since_on DATE NOT NULL,
	ends_on DATE NOT NULL,
	clause TEXT NOT NULL,
	kept_at_most_minor BIGINT NOT NULL,
	refund_due_on DATE,
	withdrawal BOOLEAN NOT NULL,
	recorded_at_ms BIGINT NOT NULL,
	recorded_by TEXT NOT NULL,
	settled_at_ms BIGINT,
	back_minor BIGINT,
	CONSTRAINT pk_lawful_end PRIMARY KEY (id),
	CONSTRAINT ck_lawful_end_kept_not_negative CHECK (kept_at_most_minor >= 0),
	CONSTRAINT fk_lawful_end_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_lawful_end_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_lawful_end_subscription_id ON lawful_end (subscription_id)

CREATE TABLE notice (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	message_id BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION notice_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'notice rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER notice_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON notice FOR EACH STATEMENT EXECUTE FUNCTION notice_refuse()

CREATE TABLE payment_attempt (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	intent_id BIGINT NOT NULL,
	payment_method_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	key TEXT NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	first_sent_at_ms BIGINT NOT NULL,
	held_until_ms BIGINT,
	CONSTRAINT pk_payment_attempt PRIMARY KEY (id),
	CONSTRAINT uq_payment_attempt_intent_id_number UNIQUE (intent_id, number),
	CONSTRAINT ck_payment_attempt_state_known CHECK (state IN ('sent', 'unknown', 'provider_down', 'pending', 'action_required', 'over')),
	CONSTRAINT fk_payment_attempt_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payment_attempt_intent_id FOREIGN KEY(intent_id) REFERENCES payment_intent (id),
	CONSTRAINT fk_payment_attempt_payment_method_id FOREIGN KEY(payment_method_id) REFERENCES payment_method (id),
	CONSTRAINT uq_payment_attempt_key UNIQUE (key)
)

CREATE INDEX ix_payment_attempt_payment_method_id ON payment_attempt (payment_method_id)

CREATE UNIQUE INDEX uq_payment_attempt_live ON payment_attempt (intent_id) WHERE state <> 'over'

CREATE TABLE price_change_for (
	organisation_id BIGINT NOT NULL,
	price_change_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	holds_from_on DATE NOT NULL,
	refusable_until_on DATE NOT NULL,
	rises BOOLEAN NOT NULL,
	told_at_ms BIGINT,
	applied_at_ms BIGINT,
	CONSTRAINT pk_price_change_for PRIMARY KEY (price_change_id, subscription_id),
	CONSTRAINT fk_price_change_for_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_price_change_for_price_change_id FOREIGN KEY(price_change_id) REFERENCES price_change (id),
	CONSTRAINT fk_price_change_for_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_price_change_for_subscription_id ON price_change_for (subscription_id)

CREATE TABLE profile_change (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	profile_id BIGINT NOT NULL,
	at_ms BIGINT NOT NULL,
	changed_by TEXT NOT NULL,
	fields JSON NOT NULL,
	sealed BYTEA,
	CONSTRAINT pk_profile_change PRIMARY KEY (id),
	CONSTRAINT fk_profile_change_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_profile_change_profile_id FOREIGN KEY(profile_id) REFERENCES profile (id)
)

CREATE INDEX ix_profile_change_profile_id ON profile_change (profile_id)

CREATE OR REPLACE FUNCTION profile_change_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'profile_change rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER profile_change_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON profile_change FOR EACH STATEMENT EXECUTE FUNCTION profile_change_refuse()

CREATE TABLE profile_mark (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	profile_id BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	question_id BIGINT NOT NULL,
	answered_as TEXT NOT NULL,
	text TEXT NOT NULL,
	answered_by TEXT NOT NULL,
	answered_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_question_answer PRIMARY KEY (id),
	CONSTRAINT ck_question_answer_answered_as_known CHECK (answered_as IN ('explained', 'credited', 'withdrawn')),
	CONSTRAINT uq_question_answer_question_id UNIQUE (question_id),
	CONSTRAINT fk_question_answer_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_question_answer_question_id FOREIGN KEY(question_id) REFERENCES invoice_question (id)
)

CREATE OR REPLACE FUNCTION question_answer_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'question_answer rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER question_answer_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON question_answer FOR EACH STATEMENT EXECUTE FUNCTION question_answer_refuse()

CREATE TABLE referral_reward (
	referral_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	given_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_referral_reward PRIMARY KEY (referral_id),
	CONSTRAINT fk_referral_reward_referral_id FOREIGN KEY(referral_id) REFERENCES referral (id),
	CONSTRAINT fk_referral_reward_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_referral_reward_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE OR REPLACE FUNCTION referral_reward_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'referral_reward rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER referral_reward_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON referral_reward FOR EACH STATEMENT EXECUTE FUNCTION referral_reward_refuse()

CREATE TABLE sale_return (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	credit_note_id BIGINT NOT NULL,
	request_key TEXT NOT NULL,
	content_hash TEXT NOT NULL,
	CONSTRAINT pk_sale_return PRIMARY KEY (id),
	CONSTRAINT uq_sale_return_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT uq_sale_return_credit_note_id UNIQUE (credit_note_id),
	CONSTRAINT fk_sale_return_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_sale_return_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id)
)

CREATE OR REPLACE FUNCTION sale_return_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sale_return rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sale_return_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON sale_return FOR EACH STATEMENT EXECUTE FUNCTION sale_return_refuse()

CREATE TABLE sepa_debit (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	mandate_id BIGINT NOT NULL,
	attempt_key TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	told_on DATE NOT NULL,
	collect_on DATE NOT NULL,
	state TEXT NOT NULL,
	code TEXT,
	file_id BIGINT,
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

CREATE OR REPLACE FUNCTION sepa_debit_attempt_key_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_debit.attempt_key never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_debit_attempt_key_fixed BEFORE UPDATE OF attempt_key ON sepa_debit FOR EACH ROW WHEN (OLD.attempt_key IS DISTINCT FROM NEW.attempt_key) EXECUTE FUNCTION sepa_debit_attempt_key_fixed_refuse()

CREATE OR REPLACE FUNCTION sepa_debit_amount_minor_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_debit.amount_minor never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_debit_amount_minor_fixed BEFORE UPDATE OF amount_minor ON sepa_debit FOR EACH ROW WHEN (OLD.amount_minor IS DISTINCT FROM NEW.amount_minor) EXECUTE FUNCTION sepa_debit_amount_minor_fixed_refuse()

CREATE OR REPLACE FUNCTION sepa_debit_mandate_id_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_debit.mandate_id never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_debit_mandate_id_fixed BEFORE UPDATE OF mandate_id ON sepa_debit FOR EACH ROW WHEN (OLD.mandate_id IS DISTINCT FROM NEW.mandate_id) EXECUTE FUNCTION sepa_debit_mandate_id_fixed_refuse()

CREATE TABLE snapshot_chunk (
	snapshot_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	organisation_id BIGINT NOT NULL,
	body BYTEA NOT NULL,
	CONSTRAINT pk_snapshot_chunk PRIMARY KEY (snapshot_id, number),
	CONSTRAINT fk_snapshot_chunk_snapshot_id FOREIGN KEY(snapshot_id) REFERENCES snapshot (id) ON DELETE CASCADE,
	CONSTRAINT fk_snapshot_chunk_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE subscription_event (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	subscription_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	holds_from_on DATE NOT NULL,
	body JSON NOT NULL,
	recorded_at_ms BIGINT NOT NULL,
	recorded_by TEXT NOT NULL,
	reason TEXT,
	CONSTRAINT pk_subscription_event PRIMARY KEY (id),
	CONSTRAINT ck_subscription_event_kind_known CHECK (kind IN ('started', 'tariff_changed', 'frozen', 'resumed', 'discounted', 'shared', 'ended')),
	CONSTRAINT fk_subscription_event_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_subscription_event_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id)
)

CREATE INDEX ix_subscription_event_subscription_id ON subscription_event (subscription_id)

CREATE OR REPLACE FUNCTION subscription_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'subscription_event rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER subscription_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON subscription_event FOR EACH STATEMENT EXECUTE FUNCTION subscription_event_refuse()

CREATE TABLE subscription_transfer (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	from_subscription_id BIGINT NOT NULL,
	to_subscription_id BIGINT NOT NULL,
	holds_from_on DATE NOT NULL,
	fee_minor BIGINT NOT NULL,
	giver_agreed TEXT NOT NULL,
	taker_agreed TEXT NOT NULL,
	recorded_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION subscription_transfer_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'subscription_transfer rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER subscription_transfer_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON subscription_transfer FOR EACH STATEMENT EXECUTE FUNCTION subscription_transfer_refuse()

CREATE TABLE visit_spent (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	allowance_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	turn BIGINT NOT NULL,
	period TEXT NOT NULL,
	gateway_id TEXT NOT NULL,
	journal_id TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	CONSTRAINT pk_visit_spent PRIMARY KEY (id),
	CONSTRAINT uq_visit_spent_gateway_id_journal_id_sequence_allowance_id UNIQUE (gateway_id, journal_id, sequence, allowance_id),
	CONSTRAINT fk_visit_spent_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_visit_spent_allowance_id FOREIGN KEY(allowance_id) REFERENCES visit_allowance (id),
	CONSTRAINT fk_visit_spent_member_id FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_visit_spent_gateway_id FOREIGN KEY(gateway_id) REFERENCES gateway (id)
)

CREATE INDEX ix_visit_spent_allowance_id_period ON visit_spent (allowance_id, period)

CREATE OR REPLACE FUNCTION visit_spent_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'visit_spent rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER visit_spent_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON visit_spent FOR EACH STATEMENT EXECUTE FUNCTION visit_spent_refuse()

CREATE TABLE visits_before (
	subscription_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	used INTEGER NOT NULL,
	CONSTRAINT pk_visits_before PRIMARY KEY (subscription_id),
	CONSTRAINT ck_visits_before_used_counts CHECK (used >= 0),
	CONSTRAINT fk_visits_before_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscription (id),
	CONSTRAINT fk_visits_before_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION visits_before_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'visits_before rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER visits_before_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON visits_before FOR EACH STATEMENT EXECUTE FUNCTION visits_before_refuse()

CREATE TABLE attempt_outcome (
	attempt_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	intent_id BIGINT NOT NULL,
	outcome TEXT NOT NULL,
	code TEXT,
	provider_reference TEXT,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_attempt_outcome PRIMARY KEY (attempt_id),
	CONSTRAINT ck_attempt_outcome_outcome_known CHECK (outcome IN ('succeeded', 'refused', 'abandoned')),
	CONSTRAINT fk_attempt_outcome_attempt_id FOREIGN KEY(attempt_id) REFERENCES payment_attempt (id),
	CONSTRAINT fk_attempt_outcome_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_attempt_outcome_intent_id FOREIGN KEY(intent_id) REFERENCES payment_intent (id)
)

CREATE INDEX ix_attempt_outcome_provider_reference ON attempt_outcome (organisation_id, provider_reference)

CREATE UNIQUE INDEX uq_attempt_outcome_success ON attempt_outcome (intent_id) WHERE outcome = 'succeeded'

CREATE OR REPLACE FUNCTION attempt_outcome_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'attempt_outcome rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER attempt_outcome_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt_outcome FOR EACH STATEMENT EXECUTE FUNCTION attempt_outcome_refuse()

CREATE TABLE contract_acceptance (
	document_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	accepted_at_ms BIGINT NOT NULL,
	accepted_at_real_ms BIGINT NOT NULL,
	how TEXT NOT NULL,
	witness TEXT,
	sha256 TEXT NOT NULL,
	CONSTRAINT pk_contract_acceptance PRIMARY KEY (document_id),
	CONSTRAINT ck_contract_acceptance_how_known CHECK (how IN ('desk', 'link')),
	CONSTRAINT ck_contract_acceptance_witness_at_desk CHECK ((how = 'desk') = (witness IS NOT NULL)),
	CONSTRAINT fk_contract_acceptance_document_id FOREIGN KEY(document_id) REFERENCES contract_document (id),
	CONSTRAINT fk_contract_acceptance_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION contract_acceptance_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'contract_acceptance rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER contract_acceptance_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON contract_acceptance FOR EACH STATEMENT EXECUTE FUNCTION contract_acceptance_refuse()

CREATE TABLE credit_note_line (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	credit_note_id BIGINT NOT NULL,
	invoice_line_id BIGINT NOT NULL,
	position INTEGER NOT NULL,
	description TEXT NOT NULL,
	period_start DATE,
	period_end DATE,
	start_second INTEGER DEFAULT '0' NOT NULL,
	end_second INTEGER DEFAULT '0' NOT NULL,
	priced_minor BIGINT NOT NULL,
	net_minor BIGINT NOT NULL,
	CONSTRAINT pk_credit_note_line PRIMARY KEY (id),
	CONSTRAINT fk_credit_note_line_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_credit_note_line_credit_note_id FOREIGN KEY(credit_note_id) REFERENCES credit_note (id),
	CONSTRAINT fk_credit_note_line_invoice_line_id FOREIGN KEY(invoice_line_id) REFERENCES invoice_line (id)
)

CREATE INDEX ix_credit_note_line_credit_note_id ON credit_note_line (credit_note_id)

CREATE INDEX ix_credit_note_line_invoice_line_id ON credit_note_line (invoice_line_id)

CREATE OR REPLACE FUNCTION credit_note_line_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'credit_note_line rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER credit_note_line_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note_line FOR EACH STATEMENT EXECUTE FUNCTION credit_note_line_refuse()

CREATE TABLE document_file (
	document_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	file BYTEA NOT NULL,
	evidence BYTEA,
	CONSTRAINT pk_document_file PRIMARY KEY (document_id),
	CONSTRAINT fk_document_file_document_id FOREIGN KEY(document_id) REFERENCES contract_document (id),
	CONSTRAINT fk_document_file_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE TABLE doubt_settled (
	doubt_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	settled_at_ms BIGINT NOT NULL,
	settled_by TEXT NOT NULL,
	note TEXT,
	CONSTRAINT pk_doubt_settled PRIMARY KEY (doubt_id),
	CONSTRAINT fk_doubt_settled_doubt_id FOREIGN KEY(doubt_id) REFERENCES billing_doubt (id),
	CONSTRAINT fk_doubt_settled_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION doubt_settled_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'doubt_settled rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER doubt_settled_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON doubt_settled FOR EACH STATEMENT EXECUTE FUNCTION doubt_settled_refuse()

CREATE TABLE event_withdrawal (
	event_id BIGINT NOT NULL,
	organisation_id BIGINT NOT NULL,
	withdrawn_at_ms BIGINT NOT NULL,
	withdrawn_by TEXT NOT NULL,
	CONSTRAINT pk_event_withdrawal PRIMARY KEY (event_id),
	CONSTRAINT fk_event_withdrawal_event_id FOREIGN KEY(event_id) REFERENCES subscription_event (id),
	CONSTRAINT fk_event_withdrawal_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id)
)

CREATE OR REPLACE FUNCTION event_withdrawal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'event_withdrawal rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER event_withdrawal_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION event_withdrawal_refuse()

CREATE TABLE payment (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	means TEXT NOT NULL,
	attempt_id BIGINT,
	request_key TEXT,
	taken_by TEXT,
	received_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION payment_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'payment rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER payment_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON payment FOR EACH STATEMENT EXECUTE FUNCTION payment_refuse()

CREATE TABLE provider_payout_line (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	provider_payout_id BIGINT NOT NULL,
	reference TEXT NOT NULL,
	kind TEXT NOT NULL,
	gross_minor BIGINT NOT NULL,
	fee_minor BIGINT NOT NULL,
	charge TEXT,
	attempt_id BIGINT,
	CONSTRAINT pk_provider_payout_line PRIMARY KEY (id),
	CONSTRAINT uq_provider_payout_line_organisation_id_reference UNIQUE (organisation_id, reference),
	CONSTRAINT fk_provider_payout_line_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_provider_payout_line_provider_payout_id FOREIGN KEY(provider_payout_id) REFERENCES provider_payout (id),
	CONSTRAINT fk_provider_payout_line_attempt_id FOREIGN KEY(attempt_id) REFERENCES payment_attempt (id)
)

CREATE INDEX ix_provider_payout_line_provider_payout_id ON provider_payout_line (provider_payout_id)

CREATE OR REPLACE FUNCTION provider_payout_line_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'provider_payout_line rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER provider_payout_line_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_payout_line FOR EACH STATEMENT EXECUTE FUNCTION provider_payout_line_refuse()

CREATE TABLE sepa_refund (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	debit_id BIGINT NOT NULL,
	refund_key TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	state TEXT NOT NULL,
	code TEXT,
	file_id BIGINT,
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

CREATE OR REPLACE FUNCTION sepa_refund_refund_key_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_refund.refund_key never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_refund_refund_key_fixed BEFORE UPDATE OF refund_key ON sepa_refund FOR EACH ROW WHEN (OLD.refund_key IS DISTINCT FROM NEW.refund_key) EXECUTE FUNCTION sepa_refund_refund_key_fixed_refuse()

CREATE OR REPLACE FUNCTION sepa_refund_amount_minor_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_refund.amount_minor never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_refund_amount_minor_fixed BEFORE UPDATE OF amount_minor ON sepa_refund FOR EACH ROW WHEN (OLD.amount_minor IS DISTINCT FROM NEW.amount_minor) EXECUTE FUNCTION sepa_refund_amount_minor_fixed_refuse()

CREATE OR REPLACE FUNCTION sepa_refund_debit_id_fixed_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sepa_refund.debit_id never changes once written' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER sepa_refund_debit_id_fixed BEFORE UPDATE OF debit_id ON sepa_refund FOR EACH ROW WHEN (OLD.debit_id IS DISTINCT FROM NEW.debit_id) EXECUTE FUNCTION sepa_refund_debit_id_fixed_refuse()

CREATE TABLE allocation (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	payment_id BIGINT,
	credit_note_id BIGINT,
	write_off_id BIGINT,
	invoice_id BIGINT NOT NULL,
	position INTEGER DEFAULT '1' NOT NULL,
	amount_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION allocation_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'allocation rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER allocation_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation FOR EACH STATEMENT EXECUTE FUNCTION allocation_refuse()

CREATE TABLE dispute (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payment_id BIGINT NOT NULL,
	provider TEXT NOT NULL,
	reference TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	reason TEXT NOT NULL,
	debit BOOLEAN NOT NULL,
	state TEXT NOT NULL,
	taken BOOLEAN NOT NULL,
	answer_by_ms BIGINT,
	opened_at_ms BIGINT NOT NULL,
	cleared_at_ms BIGINT,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payment_id BIGINT,
	credit_note_id BIGINT,
	currency TEXT NOT NULL,
	left_minor BIGINT NOT NULL,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payment_id BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	from_credit_minor BIGINT NOT NULL,
	lost_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	kind TEXT NOT NULL,
	code TEXT NOT NULL,
	request_key TEXT NOT NULL,
	noted_by TEXT NOT NULL,
	returned_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION payment_return_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'payment_return rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER payment_return_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_return FOR EACH STATEMENT EXECUTE FUNCTION payment_return_refuse()

CREATE TABLE payout (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payment_id BIGINT,
	credit_note_id BIGINT,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	asked_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION payout_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'payout rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER payout_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON payout FOR EACH STATEMENT EXECUTE FUNCTION payout_refuse()

CREATE TABLE allocation_undone (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	payment_return_id BIGINT NOT NULL,
	allocation_id BIGINT NOT NULL,
	after_id BIGINT NOT NULL,
	invoice_id BIGINT NOT NULL,
	position INTEGER NOT NULL,
	amount_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION allocation_undone_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'allocation_undone rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER allocation_undone_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation_undone FOR EACH STATEMENT EXECUTE FUNCTION allocation_undone_refuse()

CREATE TABLE dispute_evidence (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	dispute_id BIGINT NOT NULL,
	text TEXT NOT NULL,
	documents JSON NOT NULL,
	given_by TEXT NOT NULL,
	given_at_ms BIGINT NOT NULL,
	request_key TEXT NOT NULL,
	CONSTRAINT pk_dispute_evidence PRIMARY KEY (id),
	CONSTRAINT uq_dispute_evidence_organisation_id_request_key UNIQUE (organisation_id, request_key),
	CONSTRAINT fk_dispute_evidence_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_evidence_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id)
)

CREATE INDEX ix_dispute_evidence_dispute_id ON dispute_evidence (dispute_id)

CREATE OR REPLACE FUNCTION dispute_evidence_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'dispute_evidence rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER dispute_evidence_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_evidence FOR EACH STATEMENT EXECUTE FUNCTION dispute_evidence_refuse()

CREATE TABLE dispute_fee (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	dispute_id BIGINT NOT NULL,
	reference TEXT NOT NULL,
	fee_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	told_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_dispute_fee PRIMARY KEY (id),
	CONSTRAINT uq_dispute_fee_organisation_id_reference UNIQUE (organisation_id, reference),
	CONSTRAINT ck_dispute_fee_fee_is_something CHECK (fee_minor <> 0),
	CONSTRAINT fk_dispute_fee_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_fee_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_dispute_fee_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id)
)

CREATE INDEX ix_dispute_fee_dispute_id ON dispute_fee (dispute_id)

CREATE OR REPLACE FUNCTION dispute_fee_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'dispute_fee rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER dispute_fee_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_fee FOR EACH STATEMENT EXECUTE FUNCTION dispute_fee_refuse()

CREATE TABLE dispute_step (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	dispute_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	noted_by TEXT NOT NULL,
	note TEXT,
	at_ms BIGINT NOT NULL,
	CONSTRAINT pk_dispute_step PRIMARY KEY (id),
	CONSTRAINT ck_dispute_step_kind_known CHECK (kind IN ('inquiry', 'open', 'evidence', 'inquiry_answered', 'answered', 'won', 'lost', 'inquiry_closed', 'cleared')),
	CONSTRAINT fk_dispute_step_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_dispute_step_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id)
)

CREATE INDEX ix_dispute_step_dispute_id ON dispute_step (dispute_id)

CREATE OR REPLACE FUNCTION dispute_step_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'dispute_step rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER dispute_step_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_step FOR EACH STATEMENT EXECUTE FUNCTION dispute_step_refuse()

CREATE TABLE refund_attempt (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	payout_id BIGINT NOT NULL,
	payment_id BIGINT NOT NULL,
	number INTEGER NOT NULL,
	key TEXT NOT NULL,
	provider TEXT NOT NULL,
	charge TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	state TEXT NOT NULL,
	tries INTEGER NOT NULL,
	first_sent_at_ms BIGINT NOT NULL,
	code TEXT,
	provider_reference TEXT,
	CONSTRAINT pk_refund_attempt PRIMARY KEY (id),
	CONSTRAINT ck_refund_attempt_state_known CHECK (state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt', 'paid', 'over', 'came_back')),
	CONSTRAINT ck_refund_attempt_amount_positive CHECK (amount_minor > 0),
	CONSTRAINT uq_refund_attempt_payout_id_number UNIQUE (payout_id, number),
	CONSTRAINT fk_refund_attempt_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_refund_attempt_payout_id FOREIGN KEY(payout_id) REFERENCES payout (id),
	CONSTRAINT fk_refund_attempt_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
	CONSTRAINT uq_refund_attempt_key UNIQUE (key)
)

CREATE INDEX ix_refund_attempt_payment_id ON refund_attempt (payment_id)

CREATE UNIQUE INDEX uq_refund_attempt_live ON refund_attempt (payout_id) WHERE state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt')

CREATE TABLE taking (
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	number BIGINT NOT NULL,
	payment_id BIGINT NOT NULL,
	return_id BIGINT,
	account_id BIGINT NOT NULL,
	taken_on DATE NOT NULL,
	received_at_ms BIGINT NOT NULL,
	means TEXT NOT NULL,
	amount_minor BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION taking_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'taking rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER taking_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON taking FOR EACH STATEMENT EXECUTE FUNCTION taking_refuse()

CREATE TABLE dispute_document (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	dispute_evidence_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	media_type TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	sha256 TEXT NOT NULL,
	sealed BYTEA,
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
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payout_id BIGINT NOT NULL,
	means TEXT NOT NULL,
	refund_attempt_id BIGINT,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	paid_by TEXT NOT NULL,
	paid_at_ms BIGINT NOT NULL,
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

CREATE OR REPLACE FUNCTION payout_paid_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'payout_paid rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER payout_paid_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_paid FOR EACH STATEMENT EXECUTE FUNCTION payout_paid_refuse()

CREATE TABLE payout_came_back (
	id BIGSERIAL NOT NULL,
	organisation_id BIGINT NOT NULL,
	legal_entity_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	payout_paid_id BIGINT NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency TEXT NOT NULL,
	code TEXT NOT NULL,
	came_back_at_ms BIGINT NOT NULL,
	CONSTRAINT pk_payout_came_back PRIMARY KEY (id),
	CONSTRAINT uq_payout_came_back_payout_paid_id UNIQUE (payout_paid_id),
	CONSTRAINT fk_payout_came_back_organisation_id FOREIGN KEY(organisation_id) REFERENCES organisation (id),
	CONSTRAINT fk_payout_came_back_legal_entity_id FOREIGN KEY(legal_entity_id) REFERENCES legal_entity (id),
	CONSTRAINT fk_payout_came_back_account_id FOREIGN KEY(account_id) REFERENCES account (id),
	CONSTRAINT fk_payout_came_back_payout_paid_id FOREIGN KEY(payout_paid_id) REFERENCES payout_paid (id)
)

CREATE OR REPLACE FUNCTION payout_came_back_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'payout_came_back rows never change: record a correction as a new row' USING ERRCODE = 'integrity_constraint_violation'; END $$

CREATE TRIGGER payout_came_back_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_came_back FOR EACH STATEMENT EXECUTE FUNCTION payout_came_back_refuse()
