using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Alerts;
using OpsPlatform.OperationTracking.Alerts.Webhooks;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Bulk;
using OpsPlatform.OperationTracking.Checkpoints;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.OperationTracking.Timeline;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking;

/// <summary>Read here; written by the functions in Migrations, in sets.</summary>
internal sealed class OperationsDb(DbContextOptions<OperationsDb> options) : ServiceDb(options)
{
    public DbSet<Operation> Operations => Set<Operation>();

    public DbSet<OperationTag> OperationTags => Set<OperationTag>();

    public DbSet<BulkItem> BulkItems => Set<BulkItem>();

    public DbSet<TimelineEntry> Timeline => Set<TimelineEntry>();

    public DbSet<TimelineHead> TimelineHeads => Set<TimelineHead>();

    public DbSet<TimelineCheckpoint> TimelineCheckpoints => Set<TimelineCheckpoint>();

    public DbSet<OperationDay> OperationDays => Set<OperationDay>();

    public DbSet<OperationDuration> OperationDurations => Set<OperationDuration>();

    public DbSet<Approval> Approvals => Set<Approval>();

    public DbSet<Vote> Votes => Set<Vote>();

    public DbSet<AskedPlan> AskedPlans => Set<AskedPlan>();

    public DbSet<EarlyPlan> EarlyPlans => Set<EarlyPlan>();

    public DbSet<Alert> Alerts => Set<Alert>();

    public DbSet<AlertRule> AlertRules => Set<AlertRule>();

    public DbSet<DefaultAlertRule> DefaultAlertRules => Set<DefaultAlertRule>();

    public DbSet<Webhook> Webhooks => Set<Webhook>();

    public DbSet<WebhookDelivery> WebhookDeliveries => Set<WebhookDelivery>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<Operation>(operation =>
        {
            operation.HasKey(x => new { x.OrgId, x.Id });
            operation.Property(x => x.Context).HasColumnType("jsonb");
            operation.Property(x => x.Result).HasColumnType("jsonb");
            operation.Property(x => x.Plan).HasColumnType("jsonb");
            operation.Property(x => x.Approval).HasColumnType("jsonb");
            operation.Property(x => x.Steps).HasColumnType("jsonb");
            operation.Property(x => x.Effects).HasColumnType("jsonb");
            operation.Property(x => x.Children).HasColumnType("jsonb");
        });
        modelBuilder.Entity<Alert>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<AlertRule>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<DefaultAlertRule>().HasNoKey().ToView("default_alert_rules");
        modelBuilder.Entity<Webhook>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<WebhookDelivery>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<OperationTag>().HasKey(x => new { x.OrgId, x.Tag, x.QueuedAt, x.OperationId });
        modelBuilder.Entity<OperationDay>().HasKey(x => new { x.OrgId, x.OperationType, x.Day });
        modelBuilder.Entity<OperationDuration>().HasKey(x => new { x.OrgId, x.OperationType, x.Day, x.SizeClass, x.Bucket });
        modelBuilder.Entity<BulkItem>().HasKey(x => new { x.OrgId, x.BulkId, x.OperationId });
        modelBuilder.Entity<TimelineHead>().HasKey(x => x.OrgId);
        modelBuilder.Entity<TimelineCheckpoint>().HasKey(x => new { x.OrgId, x.Position });
        modelBuilder.Entity<TimelineEntry>(entry =>
        {
            entry.HasKey(x => new { x.OrgId, x.Position });
            entry.Property(x => x.Details).HasColumnType("jsonb");
        });
        modelBuilder.Entity<Approval>(approval =>
        {
            approval.HasKey(x => new { x.OrgId, x.OperationId });
            approval.Property(x => x.Groups).HasColumnType("jsonb");
        });
        modelBuilder.Entity<Vote>().HasKey(x => new { x.OrgId, x.OperationId, x.Number });
        modelBuilder.Entity<AskedPlan>(plan =>
        {
            plan.HasKey(x => new { x.OrgId, x.OperationId, x.Digest });
            plan.Property(x => x.Effect).HasColumnType("jsonb");
        });
        modelBuilder.Entity<EarlyPlan>(plan =>
        {
            plan.HasKey(x => new { x.OrgId, x.OperationId });
            plan.Property(x => x.Plan).HasColumnType("jsonb");
        });
    }
}
