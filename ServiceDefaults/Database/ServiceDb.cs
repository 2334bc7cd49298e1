using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Npgsql;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>A service's tables, with the outbox; names are snake_case, enums snake_case text.</summary>
public abstract class ServiceDb(DbContextOptions options) : DbContext(options)
{
    private JoiningDatabase? _database;

    /// <summary>
    /// Transactions begun here are parts of the request's own when it has one around all of its work. A transaction in which a statement failed is lost: a savepoint
    /// before each SaveChanges would cost two round trips, while the rows changed before are locked.
    /// </summary>
    public override DatabaseFacade Database => _database ??= new(this) { AutoSavepointsEnabled = false };

    internal RequestTransaction? Whole { get; set; }

    /// <summary>Null but while a listener works.</summary>
    internal List<NpgsqlBatchCommand>? Last { get; set; }

    /// <summary>
    /// Has a listener's last statements run with its commit, in one round trip: what they lock is held for as long as the server takes, however busy this
    /// process is. Nothing may be asked of the database after it.
    /// </summary>
    /// <exception cref="InvalidOperationException">Nobody would run them.</exception>
    public void RunLast(IEnumerable<NpgsqlBatchCommand> commands) =>
        (Last ?? throw new InvalidOperationException("Only a listener's statements wait for its commit.")).AddRange(commands);

    internal DbSet<OutboxRow> OutboxRows => Set<OutboxRow>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<OutboxRow>(row =>
        {
            row.ToTable("outbox");
            row.HasKey(x => x.Id);
            row.Property(x => x.Id).ValueGeneratedNever();
            row.Property(x => x.Body).HasColumnType("jsonb");
            row.Property(x => x.Traceparent);
        });
        modelBuilder.Entity<WorkRow>(row =>
        {
            row.ToTable("operation_work");
            row.HasKey(x => new { x.OrgId, x.Id });
            row.Property(x => x.Id).ValueGeneratedNever();
            row.Property(x => x.Started).HasColumnType("jsonb");
            row.Property(x => x.Args).HasColumnType("jsonb");
            row.Property(x => x.NextAttemptAt).HasDefaultValueSql("clock_timestamp()");
        });
    }

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Conventions.Add(_ => new SnakeCaseConvention());
}

public static class ModelExtensions
{
    /// <summary>The capture trigger keeps this column; EF only reads it.</summary>
    public static PropertyBuilder<long> IsRowVersionColumn(this PropertyBuilder<long> property)
    {
        property.ValueGeneratedOnAddOrUpdate();
        property.Metadata.SetBeforeSaveBehavior(Microsoft.EntityFrameworkCore.Metadata.PropertySaveBehavior.Ignore);
        property.Metadata.SetAfterSaveBehavior(Microsoft.EntityFrameworkCore.Metadata.PropertySaveBehavior.Ignore);
        return property;
    }
}

internal sealed class SnakeCaseConvention : Microsoft.EntityFrameworkCore.Metadata.Conventions.IModelFinalizingConvention
{
    public void ProcessModelFinalizing(
        Microsoft.EntityFrameworkCore.Metadata.Builders.IConventionModelBuilder modelBuilder,
        Microsoft.EntityFrameworkCore.Metadata.Conventions.IConventionContext<Microsoft.EntityFrameworkCore.Metadata.Builders.IConventionModelBuilder> context)
    {
        foreach (var entity in modelBuilder.Metadata.GetEntityTypes())
        {
            if (entity.GetTableName() is { } table)
            {
                entity.SetTableName(Snake(table));
            }

            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(Snake(property.GetColumnName()));
                var type = Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
                if (type.IsEnum && property.GetValueConverter() is null)
                {
                    property.SetValueConverter((ValueConverter)Activator.CreateInstance(typeof(EnumText<>).MakeGenericType(type))!);
                }
            }
        }
    }

    private static string Snake(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}

internal sealed class EnumText<T>() : ValueConverter<T, string>(
    value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()),
    text => Enum.Parse<T>(text.Replace("_", "", StringComparison.Ordinal), true))
    where T : struct, Enum;
