using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Alerts;
using OpsPlatform.OperationTracking.Alerts.Webhooks;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Timeline;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking;

/// <summary>Read here; written by the functions in Migrations, in sets.</summary>
internal sealed class OperationsDb(DbContextOptions<OperationsDb> options) : ServiceDb(options)
{
    public DbSet<Operation> Operations => Set<Operation>();

    public DbSet<OperationTag> OperationTags => Set<OperationTag>();

    public DbSet<TimelineEntry> Timeline => Set<TimelineEntry>();

    public DbSet<TimelineHead> TimelineHeads => Set<TimelineHead>();

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
            operation.Property(x => x.Steps).HasColumnType("jsonb");
        });
        modelBuilder.Entity<Alert>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<AlertRule>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<DefaultAlertRule>().HasNoKey().ToView("default_alert_rules");
        modelBuilder.Entity<Webhook>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<WebhookDelivery>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<OperationTag>().HasKey(x => new { x.OrgId, x.Tag, x.QueuedAt, x.OperationId });
        modelBuilder.Entity<TimelineHead>().HasKey(x => x.OrgId);
        modelBuilder.Entity<TimelineEntry>(entry =>
        {
            entry.HasKey(x => new { x.OrgId, x.Position });
            entry.Property(x => x.Details).HasColumnType("jsonb");
        });
    }
}
