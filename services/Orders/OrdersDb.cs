using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Orders.Customers;
using OpsPlatform.Orders.Exports;
using OpsPlatform.Orders.Menu;
using OpsPlatform.Orders.Orders;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Orders;

internal sealed class OrdersDb(DbContextOptions<OrdersDb> options) : ServiceDb(options)
{
    public NpgsqlConnection Connection => (NpgsqlConnection)Database.GetDbConnection();

    public DbSet<MenuItem> MenuItems => Set<MenuItem>();

    public DbSet<Order> Orders => Set<Order>();

    public DbSet<OrderLine> OrderLines => Set<OrderLine>();

    public DbSet<Customer> Customers => Set<Customer>();

    public DbSet<OrderExport> OrderExports => Set<OrderExport>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<MenuItem>(item =>
        {
            item.HasKey(x => new { x.OrgId, x.Id });
            item.Property(x => x.RowVersion).IsRowVersionColumn();
            item.Property(x => x.CreatedAt).ValueGeneratedOnAdd();
            item.Property(x => x.UpdatedAt).ValueGeneratedOnAddOrUpdate();
        });
        modelBuilder.Entity<Order>(order =>
        {
            order.HasKey(x => new { x.OrgId, x.Id });
            order.Property(x => x.Reasons).HasColumnType("jsonb");
            order.Property(x => x.RowVersion).IsRowVersionColumn();
            order.HasMany(x => x.Lines).WithOne().HasForeignKey(x => new { x.OrgId, x.OrderId });
        });
        modelBuilder.Entity<OrderLine>().HasKey(x => new { x.OrgId, x.OrderId, x.LineNo });
        modelBuilder.Entity<OrderExport>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<Customer>(customer =>
        {
            customer.HasKey(x => new { x.OrgId, x.Id });
            customer.Property(x => x.RowVersion).IsRowVersionColumn();
        });
    }
}
