//! One suite on both engines: on SQLite always, on PostgreSQL if `PORTCULLIS_TEST_POSTGRES` says where one is.

#![cfg(test)]
#![expect(clippy::cognitive_complexity, reason = "every assertion counts as a branch")]

mod activity;
mod audit;
mod chosen;
mod claims;
mod damage;
mod deliveries;
mod ending;
mod entry;
mod external;
mod facts;
mod feed;
mod imports;
mod keys;
mod links;
mod lists;
mod migration;
mod nodes;
mod overlap;
mod people;
mod races;
mod recording;
mod resumable;
mod review;
mod rotation;
mod sharing;
mod sinks;
mod sites;
mod storages;
mod sync;
mod sync_jobs;
mod sync_retention;
mod sync_runs;
mod sync_steps;
mod trail;
mod verbs;
mod world;

/// Each of these as a test on either engine, with a fresh database of its own.
macro_rules! suite {
    ($($module:ident :: $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::world::on_sqlite(|world| Box::pin(crate::$module::$name(world))).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::world::on_postgres(|world| Box::pin(crate::$module::$name(world))).await;
            })*
        }
    };
}

suite! {
    deliveries::a_message_is_claimed_once,
    deliveries::of_many_who_claim_a_message_one_has_it,
    deliveries::as_many_messages_as_a_key_may,
    deliveries::names_are_reserved_and_let_go,
    deliveries::what_was_left,
    chosen::chosen_credentials_round_trip,
    chosen::what_a_mail_key_makes_of_messages_round_trips,
    chosen::one_key_of_a_name_on_a_channel,
    chosen::of_two_who_choose_one_name_at_once_one_has_it,
    activity::what_a_key_did,
    activity::who_was_refused,
    activity::refusals_page_by_page,
    activity::sums_over_time,
    activity::what_advice_rests_on,
    activity::advice_is_followed_and_taken_back,
    activity::nothing_is_kept_for_ever,
    nodes::who_lives_and_what_they_have_seen,
    nodes::what_others_cut,
    nodes::what_others_show,
    people::the_first_site_and_admin,
    people::users,
    people::sessions,
    people::sites_are_kept_apart,
    people::settings,
    storages::a_storage_round_trip,
    storages::what_may_change_of_a_storage,
    storages::search_and_filters,
    facts::what_was_measured,
    facts::when_storages_were_used,
    facts::storages_are_due,
    facts::a_detached_storage_has_no_facts,
    facts::sums_over_a_site,
    facts::many_storages_at_once,
    ending::a_remote_storage_is_deleted,
    ending::a_builtin_storage_is_detached_and_attached,
    ending::a_storage_ends_whole_or_not_at_all,
    lists::every_filter_in_every_order,
    lists::an_access_key_id_finds_its_storage,
    lists::what_is_open,
    lists::which_keys_open,
    review::keys_that_deserve_a_look,
    keys::keys_of_every_scope,
    keys::changing_and_deleting,
    keys::deletion_erases_the_secret,
    keys::search_and_filters_of_keys,
    keys::pages_of_2500_keys,
    keys::the_master_key_is_exchanged_at_once,
    keys::last_use,
    keys::errors_hold_no_secret,
    audit::events_round_trip,
    audit::filters,
    audit::pages_of_2500_events,
    trail::a_batch_over_several_sites,
    trail::writers_at_once_leave_no_gap,
    trail::checkpoints_and_what_is_due,
    trail::a_removed_beginning_leaves_a_note,
    trail::what_stands_before_the_chain,
    recording::what_changes_nothing_leaves_no_entry,
    sinks::a_sink_goes_through_the_trail,
    sinks::one_holds_a_sink_at_a_time,
    sinks::a_sink_misses_nothing_while_many_write,
    feed::every_change_is_in_the_feed,
    feed::a_purged_feed_says_so,
    feed::the_hint_arrives,
    races::storages_made_at_once_get_numbers_of_their_own,
    races::two_first_starts_make_one_admin,
    races::a_follower_misses_nothing,
    races::one_key_is_deleted_once,
    rotation::a_rotated_key_keeps_everything_but_its_credentials,
    rotation::what_is_gone_is_not_rotated,
    rotation::an_access_key_may_stay,
    rotation::one_of_two_rotations_at_once_comes_about,
    rotation::old_secrets_are_forgotten,
    overlap::an_overlap_runs_and_ends_by_itself,
    overlap::one_overlap_at_a_time,
    overlap::an_overlap_is_moved_and_ended,
    overlap::who_moved_and_who_has_not,
    resumable::an_upload_is_kept_as_it_was_told,
    resumable::a_tail_only_grows,
    claims::a_token_is_claimed_once_on_all_nodes,
    claims::a_changed_password_ends_the_other_sessions,
    claims::a_printed_password_is_remembered_until_it_is_changed,
    claims::the_next_number_is_the_one_that_is_given,
    migration::a_newer_schema_is_refused_and_stays,
    migration::version_1_is_carried_forward,
    sites::what_is_in_them,
    sites::rules_and_names,
    sites::a_site_in_use_stays,
    sites::storages_are_owned_from_above,
    sites::what_changed_meanwhile_is_stale,
    entry::lists_of_people,
    entry::an_invitation_is_taken_up_once,
    entry::a_replaced_password_lets_nobody_in,
    entry::sessions_move_and_are_confirmed,
    entry::codes_are_taken_once,
    entry::passkeys_of_people,
    external::a_user_is_made_with_their_identity,
    sharing::groups_and_their_members,
    sharing::what_grants_come_to,
    sharing::nothing_shared_crosses_sites,
    imports::accounts_round_trip,
    imports::all_or_none,
    imports::user_names_that_are_taken,
    imports::many_at_once,
    links::a_link_round_trip,
    links::a_limit_of_downloads_holds,
    links::a_call_is_claimed_once,
    keys::idle_keys,
    keys::living_and_deleted_by_id,
    sync::a_pair_is_made_once,
    sync::one_process_makes_a_plan,
    sync::many_take_one_plan_each,
    sync::pages_are_found_by_number_and_key,
    sync::choices_need_the_plan_as_it_was_read,
    sync::plans_are_listed_and_discarded,
    sync::what_a_discarded_plan_held_up_goes_on,
    sync_runs::a_run_from_its_beginning_to_its_end,
    sync_runs::who_lost_a_run_writes_nothing,
    sync_runs::what_people_wish_of_a_run,
    sync_runs::a_dead_process_that_was_to_pause,
    sync_runs::runs_do_not_meet,
    sync_runs::of_many_starts_one_comes_about,
    sync_runs::many_take_one_run_each,
    sync_runs::a_process_that_starts_again_goes_on,
    sync_runs::what_both_sides_agree_on_changes_at_once,
    sync_runs::runs_are_listed,
    sync_steps::steps_are_written_and_replaced,
    sync_steps::a_step_and_what_it_keeps_are_one,
    sync_steps::what_is_kept_is_found_and_goes_in_time,
    sync_steps::what_was_kept_in_a_deleted_storage_is_forgotten,
    sync_jobs::jobs_are_made_changed_and_deleted,
    sync_jobs::a_job_begins_once,
    sync_jobs::a_storage_ends_with_what_is_between_it_and_others,
    sync_jobs::a_storage_that_comes_back_goes_on,
    sync_retention::steps_go_when_a_run_cannot_be_taken_back,
    sync_retention::history_goes_last,
    sync_retention::plans_that_nobody_runs_are_discarded,
}
