using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Analytics.Rebuilds;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Analytics;

/// <summary>Totals are kept and read by SQL; only what people change one by one is mapped.</summary>
internal sealed class AnalyticsDb(DbContextOptions<AnalyticsDb> options) : ServiceDb(options)
{
    public DbSet<TaxRate> TaxRates => Set<TaxRate>();

    public DbSet<Rebuild> Rebuilds => Set<Rebuild>();

    /// <summary>The open connection of the transaction at hand, for statements written by hand.</summary>
    public NpgsqlConnection Connection => (NpgsqlConnection)Database.GetDbConnection();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<TaxRate>(rate =>
        {
            rate.HasKey(x => new { x.OrgId, x.Id });
            rate.Property(x => x.RowVersion).IsRowVersionColumn();
        });
        modelBuilder.Entity<Rebuild>(rebuild =>
        {
            rebuild.HasKey(x => new { x.OrgId, x.Id });
            rebuild.Property(x => x.RowVersion).IsRowVersionColumn();
        });
    }
}
